import { describe, expect, test } from 'vitest';
import { AppError, toErrorData } from '#core/errors/index.ts';
import type { Job, JobSpec } from '#contract/jobs.ts';
import { qualityOptions, quantizeOptions, type QualityCard } from '#contract/quantize.ts';
import { measure } from '../support/fake-engines.ts';
import { job, lathe, model } from './fixture.ts';

const card: QualityCard = {
  id: 'c1',
  modelId: 'm2',
  sourceId: 'm1',
  sourceName: 'Story',
  measure,
  madeMs: 1,
  durationMs: 2000,
  versions: {},
};

const result = {
  kind: 'quantize' as const,
  modelId: 'm2',
  path: '/somewhere/out.gguf',
  sizeBytes: 2 ** 20,
  durationMs: 5000,
  warnings: [],
  resumedTensors: 0,
  worstTensors: [],
  outliers: [],
  card,
  cardProblem: null,
};

/** Handlers of a library with `Story`, whose jobs end with a result. */
const ending = (outcome: Job['result']) => {
  const done = (spec: JobSpec) => job(spec, { state: 'done', result: outcome });
  let started: JobSpec = { kind: 'demo', name: 'none' };
  return {
    library: { find: ({ reference }: { reference: string }) => model({ id: reference === 'Story' ? 'm1' : 'm2' }) },
    jobs: {
      start: ({ spec }: { spec: JobSpec }) => ((started = spec), job(spec)),
      watch: async function* () {
        yield done(started);
      },
    },
  };
};

const specOf = ({ asked }: Awaited<ReturnType<typeof lathe>>): unknown => {
  const [, input] = asked.find(([path]) => path === 'jobs.start') ?? [];
  return (input as { spec: unknown } | undefined)?.spec;
};

describe('quantize', () => {
  test('asks for the target and the options, the rest as the contract has it', async () => {
    const ran = await lathe(['quantize', 'Story', '--to', 'q4_k_m', '--out', 'out.gguf', '--json'], ending(result));
    expect(ran.stderr).toBe('');
    expect(specOf(ran)).toEqual({
      kind: 'quantize',
      modelId: 'm1',
      target: 'Q4_K_M',
      outputPath: '/somewhere/out.gguf',
      options: quantizeOptions.parse({}),
      quality: qualityOptions.parse({}),
    });
    expect(JSON.parse(ran.stdout)).toEqual(result);
    const measured = ['--quality-text', 't.txt', '--quality-windows', '5'];
    const own = await lathe(['quantize', 'Story', '--to', 'Q4_0', '--out', 'out.gguf', ...measured], ending(result));
    expect(specOf(own)).toMatchObject({ quality: { textPath: '/somewhere/t.txt', windows: 5, contextLength: 512 } });
  });

  test('every option reaches the job', async () => {
    const options = ['--calibration text.txt', '--windows 16', '--context 256', '--group-size -1', '--block-size 256', '--asym'];
    const more = ['--act-order', '--static-groups', '--damp 0.05', '--mse', '--checkpoint-format gptq_v2', '--imatrix i.dat', '--pure'];
    const rest = ['--keep-output', '--override attn_v=Q6_K', '--override ^a=b$=F16', '--format gguf', '--no-quality', '--name Mine'];
    const words = [...options, ...more, ...rest].flatMap((option) => option.split(' '));
    const ran = await lathe(['quantize', 'Story', '--to', 'gptq-4', '--out', 'out.gguf', ...words, '--json'], ending(result));
    expect(ran.stderr).toBe('');
    expect(specOf(ran)).toEqual({
      kind: 'quantize',
      modelId: 'm1',
      target: 'gptq-4',
      format: 'gguf',
      outputPath: '/somewhere/out.gguf',
      name: 'Mine',
      quality: null,
      options: {
        groupSize: -1,
        blockSize: 256,
        symmetric: false,
        actOrder: true,
        staticGroups: true,
        trueSequential: true,
        dampPercent: 0.05,
        mseExponent: 2.4,
        checkpointFormat: 'gptq_v2',
        calibrationPath: '/somewhere/text.txt',
        calibrationWindows: 16,
        calibrationContext: 256,
        imatrixPath: '/somewhere/i.dat',
        overrides: [
          { pattern: 'attn_v', type: 'Q6_K' },
          { pattern: '^a=b$', type: 'F16' },
        ],
        pure: true,
        keepOutput: true,
      },
    });
  });

  test.each([
    ['--to', 'q4km', 'There is no target q4km'],
    ['--to', 'gptq-5', 'Choose one of int8, int8-zp, nf4'],
    ['--group-size', '48', '--group-size takes 32, 64, 128, -1, not'],
    ['--block-size', '100', '--block-size takes 32, 64'],
    ['--damp', '1', '--damp takes a number from'],
    ['--override', 'attn_v', '--override takes PATTERN=TYPE'],
    ['--override', '=Q6_K', '--override takes PATTERN=TYPE'],
    ['--checkpoint-format', 'v3', '--checkpoint-format takes gptq, gptq_v2'],
    ['--format', 'onnx', '--format takes hf, gguf'],
    ['--windows', '0', '--windows takes a number from 1'],
  ])('%s %s is refused in words that help, before anything is opened', async (option, value, problem) => {
    const args = ['quantize', 'Story', '--out', 'x', ...(option === '--to' ? [] : ['--to', 'gptq-4']), option, value];
    const { code, stderr, asked } = await lathe(args);
    expect([code, asked]).toEqual([1, []]);
    expect(stderr).toContain(problem);
  });

  test('what excludes each other, and what cannot be written, is refused', async () => {
    const args = ['quantize', 'Story', '--out', 'x', '--to'];
    expect((await lathe([...args, 'gptq-4', '--sym', '--asym'])).stderr).toContain('exclude each other');
    expect((await lathe([...args, 'nf4', '--format', 'gguf'])).stderr).toContain('nf4 is written as hf only');
    expect((await lathe([...args, 'Q8_0', '--format', 'hf'])).stderr).toContain('Q8_0 is written as gguf only');
  });

  test('people read where it is, what it lost, and what else they should know', async () => {
    const warnings = [toErrorData(new AppError('quantize.requantized', { count: 3, from: 'Q8_0' }))];
    const ran = await lathe(
      ['quantize', 'Story', '--to', 'q4_0', '--out', 'out.gguf'],
      ending({ ...result, warnings, resumedTensors: 12 }),
    );
    expect(ran.stdout).toMatch(/^written {2}\/somewhere\/out\.gguf$/m);
    expect(ran.stdout).toContain('12 tensors were there already');
    expect(ran.stdout).toContain('3 tensors are quantized already (Q8_0)');
    expect(ran.stdout).toContain('36.185 (was 34.166)');
    expect(ran.stdout).toContain('93.00 %');
    expect(ran.stdout).toContain('blk.0.attn_k.weight Q4_0 9.00 %');
    expect(ran.stdout).toContain(' upon a hill');
    const cardProblem = toErrorData(new AppError('disk.full', { path: '/x' }));
    const unmeasured = await lathe(['quantize', 'Story', '--to', 'q4_0', '--out', 'x'], ending({ ...result, card: null, cardProblem }));
    expect([unmeasured.code, unmeasured.stdout]).toEqual([0, expect.stringContaining('Not measured: The disk is full')]);
  });
});

test('calibrate asks for a matrix of a text', async () => {
  const outcome = {
    kind: 'calibrate' as const,
    path: '/somewhere/i.gguf',
    sizeBytes: 99,
    matrices: 7,
    windows: 3,
    tokens: 192,
    durationMs: 4,
  };
  const ran = await lathe(['calibrate', 'Story', '--text', 't.txt', '--out', 'i.gguf', '--context', '64'], ending(outcome));
  expect(specOf(ran)).toEqual({
    kind: 'calibrate',
    modelId: 'm1',
    textPath: '/somewhere/t.txt',
    outputPath: '/somewhere/i.gguf',
    contextLength: 64,
    windows: null,
  });
  expect(ran.stdout).toContain('192 in 3 windows');
  expect((await lathe(['calibrate', 'Story', '--out', 'i.gguf'])).stderr).toContain('--text is missing');
});

test('quality compares two models, on the bundled text unless another is given', async () => {
  const ran = await lathe(['quality', 'Story-Q4', '--against', 'Story', '--json'], ending({ kind: 'quality', card }));
  expect(specOf(ran)).toEqual({ kind: 'quality', modelId: 'm2', sourceId: 'm1', options: qualityOptions.parse({}) });
  expect(JSON.parse(ran.stdout)).toEqual(card);
  const args = ['quality', 'Story-Q4', '--against', 'Story', '--text', 't.txt', '--context', '64', '--windows', '5'];
  const own = await lathe(args, ending({ kind: 'quality', card }));
  expect(specOf(own)).toMatchObject({ options: { textPath: '/somewhere/t.txt', contextLength: 64, windows: 5 } });
  expect(own.stdout).toContain('0.02000 ± 0.00100 nats');
  expect((await lathe(['quality', 'Story'])).stderr).toContain('--against is missing');
});

test('recipes shows each target with its size, what it needs, and what was measured of it', async () => {
  const row = {
    format: 'gguf' as const,
    sizeBytes: 2 ** 20,
    bitsPerWeight: 4.5,
    needsImatrix: false,
    needsCalibration: false,
    problem: null,
  };
  const recipes = [
    { ...row, target: 'Q4_0' },
    { ...row, target: 'IQ1_S', needsImatrix: true },
    { ...row, target: 'gptq-4', format: 'hf' as const, needsCalibration: true },
    {
      ...row,
      target: 'nf4',
      format: 'hf' as const,
      sizeBytes: null,
      bitsPerWeight: null,
      problem: toErrorData(new AppError('quantize.needsFolder', { target: 'nf4' })),
    },
  ];
  const older = { ...card, id: 'c0', measure: { ...measure, perplexity: 99 } };
  const foreign = { ...card, id: 'c9', sourceId: 'm7', measure: { ...measure, perplexity: 77 } };
  const lineage = { parents: [], recipe: { kind: 'quantize', target: 'Q4_0' }, versions: {}, children: [] };
  const groups = {
    library: {
      find: () => model(),
      get: ({ modelId }: { modelId: string }) => ({ model: model({ id: modelId, kind: 'gguf' }), files: [], lineage, chatTemplate: null }),
    },
    quantize: { recipes: () => recipes, cards: () => [foreign, card, older] },
  };
  const { stdout } = await lathe(['recipes', 'Story'], groups);
  expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
    'target  format   size  bits/weight  perplexity  mean KL  needs',
    'Q4_0    gguf    1 MiB         4.50      36.185  0.02000',
    'IQ1_S   gguf    1 MiB         4.50           –        –  an importance matrix',
    'gptq-4  hf      1 MiB         4.50           –        –  a calibration',
    expect.stringMatching(/^nf4 {5}hf {10}– {12}– {11}– {8}– {2}nf4 can only be made from a Hugging Face folder/) as string,
    '',
  ]);
  const json = await lathe(['recipes', 'Story', '--group-size', '32', '--json'], groups);
  expect(json.asked.find(([path]) => path === 'quantize.recipes')?.[1]).toEqual({
    modelId: 'm1',
    options: quantizeOptions.parse({ groupSize: 32 }),
  });
  expect((JSON.parse(json.stdout) as { card: unknown }[]).map((entry) => entry.card)).toEqual([card, null, null, null]);
});
