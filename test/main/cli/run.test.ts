import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { AppError, toErrorData } from '#core/errors/index.ts';
import type { Job, JobSpec } from '#contract/jobs.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { registry } from '#main/cli/registry.ts';
import { job, lathe, model } from './fixture.ts';

describe('help', () => {
  test('names every command, and opens nothing', async () => {
    const { code, stdout, homes } = await lathe(['--help']);
    expect(code).toBe(0);
    for (const name of Object.keys(registry)) expect(stdout).toContain(`\n  ${name} `);
    expect(homes).toEqual([]);
  });

  test.each(Object.keys(registry))('%s explains its arguments and options', async (name) => {
    const { code, stdout } = await lathe([name, '--help']);
    const command = await registry[name]?.load();
    expect(code).toBe(0);
    for (const argument of command?.args ?? []) expect(stdout).toContain(argument);
    for (const option of Object.keys(command?.options ?? {})) expect(stdout).toContain(`--${option}`);
  });

  test('--version is the package’s', async () => {
    expect(await lathe(['--version'])).toMatchObject({ code: 0, stdout: '1.2.3\n' });
  });
});

describe('a command that is not right', () => {
  test.each([
    [[], 'no command was given'],
    [['fly'], "there is no command 'fly'"],
    [['constructor'], "there is no command 'constructor'"],
    [['models', 'extra'], "'extra' is one argument too many"],
    [['import'], 'PATH is missing'],
    [['models', '--wrong'], "unknown option '--wrong'"],
    [['convert', 'Story', '--to', 'q4', '--out', 'x'], "--to takes f32, f16, bf16, not 'q4'"],
    [['convert', 'Story', '--to', 'f16'], '--out is missing'],
    [['generate', 'Story', '--prompt', 'a', '--tokens', '1.5'], "--tokens takes a whole number, not '1.5'"],
    [['generate', 'Story', '--prompt', 'a', '--tokens', ''], '--tokens takes a number'],
    [['generate', 'Story', '--prompt', 'a', '--seed', '0x10'], '--seed takes a number'],
    [['generate', 'Story', '--prompt', 'a', '--temperature', '9'], '--temperature takes a number from 0 to 5'],
    [['generate', 'Story', '--prompt', 'a', '--greedy', '--temperature', '1'], '--greedy and --temperature'],
    [['generate', 'Story'], '--prompt is missing'],
    [['perplexity', 'Story', '--text', 'x', '--context', '1'], '--context takes a number from 8'],
    [['serve', '--port', '70000'], '--port takes a number from 0 to 65535'],
  ])('%j: %s', async (args, problem) => {
    const { code, stdout, stderr, asked } = await lathe(args);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.toLowerCase()).toContain(problem.toLowerCase());
    expect(asked).toEqual([]);
  });

  test('with --json is one JSON document on stderr, with the stable code', async () => {
    const { code, stdout, stderr } = await lathe(['import', '--json']);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(JSON.parse(stderr)).toEqual({
      code: 'cli.usage',
      message: 'The command is not right: PATH is missing.',
      params: { problem: 'PATH is missing' },
      safe: 'Nothing was done.',
      next: 'See lathe --help, or lathe COMMAND --help.',
    });
  });
});

describe('the data folder', () => {
  const library = { list: () => [] };

  test('is the one asked for, made absolute', async () => {
    const { homes, closed } = await lathe(['--home', 'data', 'models'], { library });
    expect(homes).toEqual([resolve('data')]);
    expect(closed).toBe(1);
  });

  test('may stand after the command as well', async () => {
    expect((await lathe(['models', '--home=/data'], { library })).homes).toEqual(['/data']);
  });
});

describe('answers', () => {
  test('--json prints the contract’s own value, and nothing else', async () => {
    const models = [model()];
    const { stdout, stderr, code } = await lathe(['models', '--json'], { library: { list: () => models } });
    expect(JSON.parse(stdout)).toEqual(models);
    expect([stderr, code]).toEqual(['', 0]);
  });

  test('a table is aligned, also with names in wide characters', async () => {
    const models = [model({ name: '小故事' }), model({ name: 'Story', id: 'm2' })];
    const { stdout } = await lathe(['models'], { library: { list: () => models } });
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'name    kind  architecture  parameters  type      size  state  id',
      '小故事  hf    llama               656K  F32   2.57 MiB  ready  m1',
      'Story   hf    llama               656K  F32   2.57 MiB  ready  m2',
    ]);
  });

  test('a name from a hostile file cannot command the terminal', async () => {
    const name = '\u001b]0;owned\u0007\u001b[2Jlist\u202e\r\nx';
    const { stdout } = await lathe(['models'], { library: { list: () => [model({ name })] } });
    expect(stdout).toContain(']0;owned[2Jlist x');
    expect([...stdout].filter((character) => character !== '\n' && (character < ' ' || character === '\u202e'))).toEqual([]);
  });

  test('an error of the contract keeps its code and parameters', async () => {
    const list = (): never => {
      throw new AppError('host.portTaken', { port: 80 });
    };
    const { code, stderr } = await lathe(['models', '--json'], { library: { list } });
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'host.portTaken', params: { port: 80 } });
  });
});

describe('import', () => {
  test('resolves the path from where the user is, and lists what was added', async () => {
    const added = model();
    const { asked, stdout, code } = await lathe(['import', 'models/story', '--copy', '--json'], {
      library: {
        import: async function* () {
          yield { type: 'looking' as const, path: '/x' };
          yield { type: 'added' as const, model: added, alreadyListed: false };
        },
      },
    });
    expect(asked).toEqual([['library.import', { path: '/somewhere/models/story', mode: 'copy' }]]);
    expect(JSON.parse(stdout)).toEqual({ models: [added], problems: [] });
    expect(code).toBe(0);
  });

  test('nothing added is an error; something added with problems is half a success, and both are told', async () => {
    const problem = {
      type: 'problem' as const,
      problem: { path: '/x/bad', error: toErrorData(new AppError('host.noTrash', { path: '/x/bad' })) },
    };
    const importing = (events: readonly unknown[]) => ({
      library: {
        import: async function* () {
          yield* events as [];
        },
      },
    });
    const failed = await lathe(['import', 'x', '--json'], importing([problem]));
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stderr)).toMatchObject({ code: 'host.noTrash' });
    const half = await lathe(['import', 'x'], importing([{ type: 'added', model: model(), alreadyListed: false }, problem]));
    expect(half.code).toBe(1);
    expect(half.stdout).toContain('Story');
    expect(half.stdout).toContain('/x/bad');
  });
});

describe('long work', () => {
  const find = () => model();
  const spec: JobSpec = {
    kind: 'quantize',
    modelId: 'm1',
    target: 'F16',
    format: 'gguf',
    outputPath: '/somewhere/out.gguf',
    options: quantizeOptions.parse({}),
    quality: null,
  };
  const made = { kind: 'quantize' as const, modelId: 'm2', path: '/somewhere/out.gguf', sizeBytes: 10, durationMs: 5, warnings: [] };
  const result = { ...made, resumedTensors: 0, worstTensors: [], outliers: [], card: null, cardProblem: null };
  const args = ['convert', 'Story', '--to', 'F16', '--out', 'out.gguf'];

  const watching = (jobs: readonly Job[]) =>
    async function* () {
      yield* jobs;
    };

  test('starts a job, stays with it, and answers with its result', async () => {
    const ran = await lathe([...args, '--json'], {
      library: { find },
      jobs: { start: () => job(spec), watch: watching([job(spec), job(spec, { state: 'done', result })]) },
    });
    expect(ran.asked).toEqual([
      ['library.find', { reference: 'Story' }],
      ['jobs.start', { spec }],
      ['jobs.watch', { jobId: 'j1' }],
    ]);
    expect(JSON.parse(ran.stdout)).toEqual(result);
    expect(ran.code).toBe(0);
  });

  test('fails with the job’s own error', async () => {
    const error = toErrorData(new AppError('engine.crashed', { engine: 'tensor', reason: 'SIGSEGV' }));
    const ran = await lathe([...args, '--json'], {
      library: { find },
      jobs: { start: () => job(spec), watch: watching([job(spec, { state: 'failed', error })]) },
    });
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stderr)).toMatchObject({ code: 'engine.crashed', params: { engine: 'tensor', reason: 'SIGSEGV' } });
  });

  test('progress goes to the terminal only, and is erased at the end', async () => {
    const running = job(spec, {
      phase: 'quantize.writing',
      fraction: 0.42,
      ratePerSecond: 2 ** 20,
      done: { amount: 1, total: 2, unit: 'bytes' },
      remainingMs: 3000,
    });
    const groups = {
      library: { find },
      jobs: { start: () => job(spec), watch: watching([running, job(spec, { state: 'done', result })]) },
    };
    const onTerminal = await lathe(args, groups, { isTTY: true });
    expect(onTerminal.stderr).toContain('quantize.writing  42 %  1 MiB/s  3 sec left');
    expect(onTerminal.stderr.endsWith('\r\u001b[2K')).toBe(true);
    expect((await lathe(args, groups)).stderr).toBe('');
  });

  test('Ctrl+C cancels the job, waits for its end, and closes the services', async () => {
    const interrupt = new AbortController();
    let cancelled = false;
    const ran = await lathe(
      args,
      {
        library: { find },
        jobs: {
          start: () => job(spec),
          cancel: () => {
            cancelled = true;
            return job(spec);
          },
          watch: async function* () {
            yield job(spec);
            interrupt.abort();
            while (!cancelled) await sleep(5);
            yield job(spec, { state: 'cancelled' });
          },
        },
      },
      { signal: interrupt.signal },
    );
    expect(ran.asked.map(([path]) => path)).toContain('jobs.cancel');
    expect(ran).toMatchObject({ code: 130, stdout: '', stderr: '', closed: 1 });
  });

  test('verify answers with 1 when the files have changed', async () => {
    const verified = { kind: 'verify' as const, matches: false, sha256: 'a'.repeat(64), changedFiles: ['model.safetensors'] };
    const verifySpec = { kind: 'verify', modelId: 'm1' } as const;
    const ran = await lathe(['verify', 'Story', '--json'], {
      library: { find },
      jobs: { start: () => job(verifySpec), watch: watching([job(verifySpec, { state: 'done', result: verified })]) },
    });
    expect(ran.code).toBe(1);
    expect(JSON.parse(ran.stdout)).toMatchObject({ matches: false, changedFiles: ['model.safetensors'] });
  });
});

describe('a MODEL', () => {
  test('is a path when it looks like one and is there', async () => {
    const cwd = import.meta.dirname;
    const groups = {
      library: {
        find: () => model(),
        get: () => ({ model: model(), files: [], lineage: { parents: [], recipe: null, versions: {}, children: [] }, chatTemplate: null }),
      },
    };
    expect((await lathe(['inspect', './run.test.ts'], groups, { cwd })).asked[0]).toEqual([
      'library.find',
      { reference: resolve(cwd, 'run.test.ts') },
    ]);
    expect((await lathe(['inspect', 'org/name'], groups, { cwd })).asked[0]).toEqual(['library.find', { reference: 'org/name' }]);
  });

  test('a bare word that is also a file is first looked for in the library', async () => {
    const cwd = import.meta.dirname;
    const find = ({ reference }: { reference: string }) => {
      if (reference === 'run.test.ts') throw new AppError('request.unknown', { path: reference });
      return model();
    };
    const { asked } = await lathe(['inspect', 'run.test.ts'], { library: { find } }, { cwd });
    expect(asked.slice(0, 2).map(([, input]) => input)).toEqual([{ reference: 'run.test.ts' }, { reference: resolve(cwd, 'run.test.ts') }]);
  });
});

describe('generate', () => {
  const facts = {
    modelId: 'm1',
    modelName: 'Story',
    sampling: { temperature: 0, topK: 40, topP: 0.95, minP: 0.05, repeatPenalty: 1, repeatLastN: 64, seed: 7, maxTokens: 5 },
    promptTokens: 3,
    cachedTokens: 0,
    answerTokens: 2,
    timeToFirstTokenMs: 1,
    tokensPerSecond: 100,
    stopReason: 'end' as const,
  };
  const groups = {
    library: { find: () => model() },
    chat: {
      generate: async function* () {
        yield { type: 'text' as const, text: 'Once\u001b[31m ' };
        yield { type: 'text' as const, text: 'more\n' };
        yield { type: 'finished' as const, facts, text: 'Once\u001b[31m more\n' };
      },
    },
  };

  test('asks with the given sampling, and leaves the rest to the contract', async () => {
    const { asked } = await lathe(
      ['generate', 'Story', '--prompt', 'Hello', '--tokens', '5', '--greedy', '--seed', '7', '--top-k', '3'],
      groups,
    );
    const [, input] = asked[1] ?? [];
    expect(input).toMatchObject({ modelId: 'm1', prompt: 'Hello', mode: 'text', systemPrompt: '' });
    expect(input).toMatchObject({ sampling: { maxTokens: 5, temperature: 0, seed: 7, topK: 3, topP: 0.95 } });
  });

  test('takes adapters with their strengths, in their order', async () => {
    const named = { ...groups, library: { find: ({ reference }: { reference: string }) => model({ id: `id of ${reference}` }) } };
    const { asked } = await lathe(['generate', 'Story', '--prompt', 'a', '--adapter', 'rhyme:0.5', '--adapter', 'C:\\tone'], named);
    expect(asked.at(-1)?.[1]).toMatchObject({
      adapters: [
        { adapterId: 'id of rhyme', scale: 0.5, isOn: true },
        { adapterId: 'id of C:\\tone', scale: 1, isOn: true },
      ],
    });
    const { code, stderr } = await lathe(['generate', 'Story', '--prompt', 'a', '--adapter', 'rhyme:9'], named);
    expect(code).not.toBe(0);
    expect(stderr).toContain('adapters');
  });

  test('writes the text as it comes, without what would command the terminal', async () => {
    const { stdout } = await lathe(['generate', 'Story', '--prompt', 'Hello'], groups);
    expect(stdout).toBe('Once[31m more\n\n\n2 tokens, 100.0 tokens/s (end)\n');
  });

  test('--json holds the exact text and what was measured', async () => {
    const { stdout } = await lathe(['generate', 'Story', '--prompt', 'Hello', '--json'], groups);
    // What of the sampling was not given is the contract's.
    expect(JSON.parse(stdout)).toMatchObject({ text: 'Once\u001b[31m more\n', ...facts });
  });
});
