import { expect, it } from 'vitest';
import type { ServerRequest } from '#contract/server.ts';
import { AppError } from '#core/errors/index.ts';
import { adapterFolder } from '../support/fake-adapters.ts';
import { fakeEngines } from '../support/fake-engines.ts';
import { post, testApi } from './fixture.ts';

const plain = { model: 'teller', messages: [{ role: 'user', content: 'Hi' }] };
const errorIn = async (response: Response): Promise<unknown> => ((await response.json()) as { error: unknown }).error;

/** A server whose library has an adapter beside the model. */
async function withAdapter() {
  const engines = fakeEngines();
  const api = await testApi(engines);
  const adapter = await api.client.library.find({ reference: adapterFolder });
  const loads = () => engines.asked.filter(([name]) => name === 'load').map(([, input]) => input);
  return { api, engines, adapter, loads };
}

it('a request runs adapters at its strengths, the next one without them does not, and both are seen', async () => {
  const { api, adapter, loads } = await withAdapter();
  const seen = new Map<string, ServerRequest>();
  void (async () => {
    for await (const request of api.client.server.requests({})) seen.set(request.id, request);
  })().catch(() => undefined);
  for (const name of [adapter.name, adapter.id])
    expect((await post(api, '/v1/chat/completions', { ...plain, adapters: [{ name, scale: -0.5 }] })).status).toBe(200);
  expect((await post(api, '/v1/completions', { model: 'teller', prompt: 'a', adapters: [{ name: adapter.name }] })).status).toBe(200);
  expect((await post(api, '/v1/chat/completions', plain)).status).toBe(200);
  expect(loads()).toMatchObject([
    { adapters: [{ path: adapter.path, scale: -0.5 }] },
    { adapters: [{ path: adapter.path, scale: 1 }] },
    { adapters: [] },
  ]);
  await expect
    .poll(() => [...seen.values()].map(({ adapters, state }) => [state, adapters.map(({ name, scale }) => [name, scale])]))
    .toEqual([
      ['done', [[adapter.name, -0.5]]],
      ['done', [[adapter.name, -0.5]]],
      ['done', [[adapter.name, 1]]],
      ['done', []],
    ]);
});

it.each([
  ['one that is not there', [{ name: 'nobody' }], 'adapter_not_found'],
  ['a model', [{ name: 'teller' }], 'adapter_not_found'],
  ['a strength out of bounds', [{ name: 'x', scale: 9 }], 'invalid_value'],
  ['a strength that is no number', [{ name: 'x', scale: '1' }], 'invalid_value'],
  ['too many', Array.from({ length: 17 }, () => ({ name: 'x' })), 'invalid_value'],
  ['names alone', ['x'], 'invalid_value'],
])('adapters are not %s', async (_, adapters, code) => {
  const { api } = await withAdapter();
  const response = await post(api, '/v1/chat/completions', { ...plain, adapters });
  expect(response.status).toBe(400);
  expect(await errorIn(response)).toMatchObject({ code, param: expect.stringMatching(/^adapters/) });
});

it('an adapter that does not fit the model is the request’s mistake, not the server’s', async () => {
  const { api, engines, adapter } = await withAdapter();
  engines.instead.inference.load = async function* () {
    throw new AppError('adapters.unknownTensor', { tensor: 'blk.0' });
  };
  const response = await post(api, '/v1/chat/completions', { ...plain, adapters: [{ name: adapter.name }] });
  expect(response.status).toBe(400);
  expect(await errorIn(response)).toMatchObject({ code: 'adapters.unknownTensor', type: 'invalid_request_error' });
});
