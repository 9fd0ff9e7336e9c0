import { expect, it, onTestFinished } from 'vitest';
import { join } from 'node:path';
import { startServer } from '#main/http/server.ts';
import { nodeHost } from '#main/host.ts';
import { openLog } from '#main/log.ts';
import { openServices } from '#main/services.ts';
import { ask, makeApp } from '../http/fixture.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { temporaryFolder } from '../support/open.ts';

it('a server of pages mounts the API on its own port, and the switch closes only that', async () => {
  const home = join(temporaryFolder(), 'home');
  const log = openLog({ folder: join(home, 'logs') });
  const { api, handlers, close } = openServices({ home, host: nodeHost('serve', {}), engines: fakeEngines(), log });
  const server = await startServer({ root: await makeApp(), port: 0, onPort: () => undefined, api: api.handle });
  onTestFinished(async () => {
    await server.close();
    await close();
    await log.close();
  });
  api.mount(server.port);
  const leave = new AbortController();
  const context = { signal: leave.signal };
  const running = await handlers.server.start({ port: 0 }, context);
  if (running.state !== 'running') throw new Error('it is not running');
  expect(running).toMatchObject({ port: server.port, isMounted: true });
  const models = (key: string) => ask(server.port, { path: '/v1/models', headers: { Authorization: `Bearer ${key}` } });
  expect((await models(running.token)).status).toBe(200);
  // The key of the page's session opens the page, not this.
  expect((await models(new URL(server.address).hash.slice('#token='.length))).status).toBe(401);
  await handlers.server.stop({}, context);
  expect((await models(running.token)).status).toBe(503);
  expect((await ask(server.port, { path: '/' })).status).toBe(200);
});
