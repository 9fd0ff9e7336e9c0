import { AppError } from '#core/errors/index.ts';
import { connect } from '#contract/connect.ts';
import { contract, type AppHandlers } from '#contract/index.ts';
import type { Job, JobSpec } from '#contract/jobs.ts';
import type { Model } from '#contract/library.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import type { LineReader } from '#main/cli/line-reader.ts';
import { runCli, type CliWorld } from '#main/cli/run.ts';

export const model = (fields: Partial<Model> = {}): Model => ({
  id: 'm1',
  kind: 'hf',
  name: 'Story',
  path: '/models/story',
  origin: 'link',
  sizeBytes: 2_700_000,
  fileCount: 4,
  facts: { architecture: 'llama', parameterCount: 656_000, quantization: 'F32' },
  state: { status: 'ready' },
  hash: { status: 'pending' },
  duplicateIds: [],
  tags: [],
  note: '',
  favourite: false,
  addedMs: 1,
  lastUsedMs: null,
  ...fields,
});

export const job = (spec: JobSpec, fields: Partial<Job> = {}): Job => ({
  id: 'j1',
  spec,
  lane: 'cpu',
  state: 'running',
  phase: null,
  detail: null,
  fraction: null,
  done: null,
  ratePerSecond: null,
  remainingMs: null,
  result: null,
  error: null,
  resumable: false,
  createdMs: 1,
  startedMs: 1,
  finishedMs: null,
  ...fields,
});

/** What comes through a pipe. */
export const typed = (lines: readonly string[]): LineReader => {
  const left = [...lines];
  return { isTerminal: false, next: async () => left.shift() ?? null, close: () => void (left.length = 0) };
};

type Groups = { readonly [G in keyof AppHandlers]?: Partial<AppHandlers[G]> };

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What was asked, in order: path and input. */
  readonly asked: readonly (readonly [string, unknown])[];
  /** Data folders that were opened. */
  readonly homes: readonly string[];
  readonly closed: number;
}

/** Run a command against handlers of the test's own, over the real contract. What has no handler fails as a real one might. */
export async function lathe(
  args: readonly string[],
  groups: Groups = {},
  world: Partial<CliWorld> & { isTTY?: boolean } = {},
): Promise<Ran> {
  const asked: [string, unknown][] = [];
  const homes: string[] = [];
  let closed = 0;
  let stdout = '';
  let stderr = '';
  const handlers = Object.fromEntries(
    Object.entries(contract).map(([group, endpoints]) => [
      group,
      Object.fromEntries(
        Object.keys(endpoints).map((name) => [
          name,
          (input: unknown, context: unknown) => {
            asked.push([`${group}.${name}`, input]);
            const handler = (groups as Record<string, Record<string, (input: unknown, context: unknown) => unknown>>)[group]?.[name];
            if (handler === undefined) throw new AppError('request.unknown', { path: `${group}.${name}` });
            return handler(input, context);
          },
        ]),
      ),
    ]),
  ) as unknown as AppHandlers;
  const code = await runCli({
    args,
    cwd: '/somewhere',
    version: '1.2.3',
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text), isTTY: world.isTTY ?? false, columns: 80 },
    signal: new AbortController().signal,
    open: async (home) => {
      homes.push(home);
      const [ours, theirs] = memoryPorts();
      const stop = serve(contract, handlers, theirs);
      return { client: connect(contract, ours).client, close: async () => (closed++, stop()) };
    },
    lines: () => typed([]),
    serve: async () => undefined,
    ...world,
  });
  return { code, stdout, stderr, asked, homes, closed };
}
