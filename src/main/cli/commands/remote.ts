import { readFile } from 'node:fs/promises';
import { onDisk } from '#core/errors/on-disk.ts';
import { REMOTE_DIALECTS } from '#core/remote/request.ts';
import { defineCommand, type Answer, type CommandContext, type Values } from '../command.ts';
import { findEngine, listEngines } from '../remote.ts';
import { printable, table } from '../text.ts';
import { oneOf, usage } from '../values.ts';

const options = {
  'key-file': { type: 'string', value: 'FILE', help: 'add: a file that holds the key, and nothing else' },
  kind: { type: 'string', value: 'KIND', help: 'add: openai, llamacpp or vllm, which tells what settings it is sent (openai)' },
  'allow-http': { type: 'boolean', help: 'add: plain http beyond your own network, where others can read along' },
} as const;

export const command = defineCommand({
  args: ['list|add|models|remove', '[NAME]', '[ADDRESS]'],
  options,
  notes:
    'An engine is any OpenAI-compatible endpoint: vLLM, llama-server, Ollama, a service. What you ask of it leaves this computer. ' +
    'The key of LATHE_REMOTE_KEY is taken where no file is named; it is kept where only you can read it. ' +
    'Then: lathe chat --remote NAME MODEL',
  run: async (context, [action = '', name, address], values) => {
    if (action === 'list') return list(context);
    if (name === undefined) throw usage('NAME is missing');
    if (action === 'add') return add(context, name, address, values);
    if (address !== undefined) throw usage(`'${printable(address)}' is one argument too many`);
    const { remote } = await context.client();
    const { id: engineId } = await findEngine(context, name);
    if (action === 'models') {
      const { models } = await remote.models({ engineId }, { signal: context.signal });
      return { json: models, text: models.length === 0 ? 'It lists no models.' : models.map((model) => printable(model)).join('\n') };
    }
    if (action !== 'remove') throw usage(`there is no 'remote ${printable(action)}'`);
    await remote.remove({ engineId });
    return { json: { engineId }, text: `${printable(name)} was removed, with its key.` };
  },
});

async function list(context: CommandContext): Promise<Answer> {
  const engines = await listEngines(context);
  const columns = ['name', 'address', 'kind', 'key'].map((title) => ({ title, max: 60 }));
  const rows = engines.map(({ name, address, dialect, keyPlace }) => [name, address, dialect, keyPlace]);
  return {
    json: engines,
    text: engines.length === 0 ? 'There are no remote engines. Add one with: lathe remote add NAME ADDRESS' : table(columns, rows),
  };
}

async function add(context: CommandContext, name: string, address: string | undefined, values: Values<typeof options>): Promise<Answer> {
  if (address === undefined) throw usage('ADDRESS is missing');
  const file = values['key-file'];
  const path = file === undefined ? undefined : context.resolvePath(file);
  // Not as an option: every program of this computer can read those.
  const key = path === undefined ? process.env['LATHE_REMOTE_KEY'] : await onDisk(path, () => readFile(path, 'utf8'));
  const { remote } = await context.client();
  const engine = await remote.add({
    name,
    address,
    dialect: oneOf('kind', values.kind ?? 'openai', REMOTE_DIALECTS),
    allowInsecure: values['allow-http'] === true,
    ...(key === undefined || key.trim() === '' ? {} : { key: key.trim() }),
  });
  return { json: engine, text: `${printable(engine.name)} is at ${engine.address}. What you ask of it leaves this computer.` };
}
