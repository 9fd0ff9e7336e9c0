import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { ApiError } from '#main/openai/errors.ts';
import { replyOn } from '#main/openai/reply.ts';

test('a client that asks for a stream and reads nothing of it is left, however long the answer', async () => {
  const { promise: ended, resolve } = Promise.withResolvers<unknown>();
  const server = createServer((_, response) => {
    const reply = replyOn(response, null, 300);
    const text = 'x'.repeat(64 * 1024);
    void (async () => {
      // Without an end: only the client's silence ends it.
      for (;;) await reply.event({ text });
    })().catch((error: unknown) => resolve({ error, destroyed: response.destroyed }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => void client.destroy());
  client.pause();
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const { error, destroyed } = (await ended) as { error: unknown; destroyed: boolean };
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ status: 499, message: 'The client does not read.' });
  expect(destroyed).toBe(true);
});
