import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { endpoint, answerWith } from '../remote/endpoint.ts';
import { openTest, temporaryFolder } from '../support/open.ts';
import { lathe, typed } from './fixture.ts';

/** The command line on real services. */
async function real() {
  const { client } = await openTest();
  return (args: readonly string[], world: Parameters<typeof lathe>[2] = {}) =>
    lathe(args, {}, { open: async () => ({ client, close: async () => undefined }), ...world });
}

test('an engine is named with the key of a file, listed without it, asked, and removed', async () => {
  const run = await real();
  const server = await endpoint((response, asked) =>
    asked.method === 'GET' ? void response.end('{"data":[{"id":"big"},{"id":"small"}]}') : answerWith('Veni, ', 'vidi')(response, asked),
  );
  const file = join(temporaryFolder(), 'key');
  writeFileSync(file, 'sk-from-a-file\n');
  const added = await run(['remote', 'add', 'Attic', server.base, '--kind', 'vllm', '--key-file', file]);
  expect(added.code).toBe(0);
  expect(added.stdout).toContain('leaves this computer');

  const listed = await run(['remote', 'list', '--json']);
  expect(JSON.parse(listed.stdout)).toMatchObject([{ name: 'Attic', dialect: 'vllm', keyPlace: 'file' }]);
  expect(listed.stdout).not.toContain('sk-from-a-file');
  expect((await run(['remote', 'models', 'attic'])).stdout).toBe('big\nsmall\n');
  expect(server.asked[0]?.headers.authorization).toBe('Bearer sk-from-a-file');

  const chatted = await run(['chat', 'big', '--remote', 'attic'], { lines: () => typed(['What did Caesar say?']) });
  expect(chatted.stdout).toBe('Veni, vidi\n');
  expect(chatted.stderr).toContain('not this computer');
  expect(server.asked[1]?.body).toMatchObject({ model: 'big', messages: [{ content: 'What did Caesar say?' }] });

  expect((await run(['remote', 'remove', 'Attic'])).code).toBe(0);
  expect((await run(['remote', 'list'])).stdout).toContain('There are no remote engines');
  expect((await run(['chat', 'big', '--remote', 'Attic'])).stderr).toContain('no longer there');
});

test('a key of the environment is taken too', async () => {
  vi.stubEnv('LATHE_REMOTE_KEY', 'sk-of-the-environment');
  onTestFinished(() => void vi.unstubAllEnvs());
  const run = await real();
  const server = await endpoint((response) => void response.end('{"data":[]}'));
  await run(['remote', 'add', 'Attic', server.base]);
  expect((await run(['remote', 'models', 'Attic'])).stdout).toBe('It lists no models.\n');
  expect(server.asked[0]?.headers.authorization).toBe('Bearer sk-of-the-environment');
});

test('what is missing or too much is said before anything is asked', async () => {
  for (const [args, problem] of [
    [['remote'], 'missing'],
    [['remote', 'add', 'Attic'], 'ADDRESS is missing'],
    [['remote', 'models'], 'NAME is missing'],
    [['remote', 'sell', 'Attic', 'b'], 'one argument too many'],
    [['remote', 'add', 'Attic', 'http://localhost', '--kind', 'magic'], '--kind'],
  ] as const)
    expect((await lathe(args)).stderr).toContain(problem);
});

test('plain http to the world is refused until it is allowed', async () => {
  const run = await real();
  const refused = await run(['remote', 'add', 'Away', 'http://api.example.com/v1']);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('plain http lets everybody on the way read');
  expect((await run(['remote', 'add', 'Away', 'http://api.example.com/v1', '--allow-http'])).code).toBe(0);
});

test('a model of an engine is measured without one of the library, and the endpoint’s own count is believed', async () => {
  const run = await real();
  const server = await endpoint(answerWith('one ', 'two ', 'three'));
  await run(['remote', 'add', 'Attic', server.base]);
  const measured = await run([
    'bench',
    '--remote',
    'Attic=org/big:70b',
    '--sweep',
    'prompt=8',
    '--sweep',
    'new=4',
    '--prompt',
    'Count',
    '--json',
  ]);
  expect(measured.stderr).toBe('');
  const { run: benchmark, cells } = JSON.parse(measured.stdout) as { run: object; cells: { state: string; result: object }[] };
  expect(benchmark).toMatchObject({ state: 'done', targets: [{ kind: 'remote', name: 'org/big:70b @ Attic' }] });
  expect(cells.map(({ state }) => state)).toEqual(['done', 'done']);
  expect(cells[1]?.result).toMatchObject({ kind: 'prompts', outputs: [{ prompt: 'Count', text: 'one two three', tokens: 3 }] });
  expect(server.asked.every(({ body }) => (body as { model: string }).model === 'org/big:70b')).toBe(true);
  expect((await run(['bench', '--remote', 'Attic'])).stderr).toContain('ENGINE=MODEL');
});
