import type { AppHandlers } from '#contract/index.ts';
import type { DataReport, LogEntry, TrainingComparison, TrainingRun } from '#contract/training.ts';
import { GiB, MiB } from '#core/bytes.ts';
import { now } from './fake-data.ts';

/** Runs in every state, with curves as such runs have them. */

const STEPS = 180;

/** Falls as losses do, with the noise of small batches: the same in every run. */
const log = (end: number, seed: number): LogEntry[] =>
  Array.from({ length: end }, (_, index) => {
    const step = index + 1;
    const noise = Math.sin(step * 12.9898 + seed) * 43_758.5453;
    const wobble = (noise - Math.floor(noise) - 0.5) * 0.3;
    const loss = 1.1 + 1.9 * Math.exp(-step / (32 + seed * 6)) + wobble;
    return {
      step,
      epoch: step / 60,
      loss,
      eval_loss: step % 30 === 0 ? 1.17 + 1.7 * Math.exp(-step / 36) + 0.0006 * step : null,
      grad_norm: 0.6 + 1.2 * Math.exp(-step / 20) + wobble,
      learning_rate: 2e-4 * (1 - step / STEPS),
      num_tokens: step * 3891,
      mean_token_accuracy: 0.72 - 0.4 * Math.exp(-step / 40),
      entropy: 1.4 + Math.exp(-step / 30),
      tokens_per_second: 412 + wobble * 20,
      memory_bytes: Math.round(2.4 * GiB),
      seconds_left: (STEPS - step) * 9.4,
    };
  });

const run = (
  id: string,
  name: string,
  state: TrainingRun['state'],
  steps: number,
  seed: number,
  changes: Partial<TrainingRun> = {},
): TrainingRun => ({
  id,
  config: {
    baseId: 'smol',
    baseName: 'SmolLM3 3B',
    dataPath: '/home/mira/data/letters.jsonl',
    columns: {},
    name,
    template: 'style',
    given: {},
    settings: {
      r: 8 * (seed + 1),
      lora_alpha: 16,
      learning_rate: 2e-4,
      num_train_epochs: 3,
      max_length: 512,
      per_device_train_batch_size: 4,
      gradient_accumulation_steps: 4,
    },
    outputFolder: '/home/mira/.lathe/models',
    adapterId: null,
    device: 'CPU',
    createdMs: now - (seed + 1) * 3 * 3600_000,
  },
  dataSha256: 'd'.repeat(64),
  baseSha256: 'b'.repeat(64),
  state,
  jobId: null,
  error: null,
  totalSteps: STEPS,
  last: log(steps, seed).at(-1) ?? null,
  checkpoints: [
    { step: 60, sizeBytes: 212 * MiB, isBest: false, savedMs: now - 3600_000 },
    { step: 120, sizeBytes: 212 * MiB, isBest: true, savedMs: now - 1800_000 },
  ].filter(({ step }) => step <= steps),
  result: null,
  ...changes,
});

const finished = run('r2', 'letters', 'done', STEPS, 1, {
  result: {
    reason: 'earlyStopped',
    step: 120,
    modelIds: ['tone'],
    paths: ['/home/mira/adapters/plain-tone'],
    warnings: [],
    durationMs: 28 * 60_000,
  },
});

const samples = [0, 60, 120].map((step) => ({
  step,
  prompt: 'Dear Ms Okafor,',
  text:
    [
      'I am a language model and I can help you.',
      'thank you for your letter about the garden.',
      'thank you for your letter. The garden is yours from Monday on.',
    ][step / 60] ?? '',
}));

const report: DataReport = {
  sha256: 'd'.repeat(64),
  sizeBytes: 812_000,
  samples: 1204,
  problemCount: 2,
  problems: [
    { line: 88, kind: 'noAnswer' },
    { line: 703, kind: 'invalidJson' },
  ],
  shapes: { messages: 1204, completion: 0, text: 0 },
  fields: ['messages'],
  tokens: 318_400,
  trainedTokens: 141_900,
  longest: 1190,
  medianLength: 241,
  lengths: Array.from({ length: 20 }, (_, index) => ({
    from: index * 60,
    to: index * 60 + 59,
    samples: Math.round(190 * Math.exp(-(((index - 4) / 3.4) ** 2))),
  })),
  truncatedSamples: 7,
  truncatedTokens: 912,
  duplicates: [{ line: 91, firstLine: 12 }],
  duplicateCount: 1,
  trainSamples: 1084,
  evaluationSamples: 120,
  rows: 1084,
  stepsPerEpoch: 60,
  totalSteps: STEPS,
  shown: [
    {
      line: 1,
      tokens: 74,
      trained: 31,
      truncated: false,
      pieces: [
        { text: '<|im_start|>user\nWrite to Ms Okafor that the garden is hers.<|im_end|>\n<|im_start|>assistant\n', trained: false },
        { text: 'Dear Ms Okafor,\nthe garden is yours from Monday on. The key is with the neighbours.<|im_end|>', trained: true },
      ],
    },
  ],
};

export function trainingHandlers(scene: 'empty' | 'filled' | 'running' | 'error'): AppHandlers['training'] {
  const runs = new Map<string, TrainingRun>(
    (scene === 'empty'
      ? []
      : scene === 'error'
        ? [
            run('r4', 'letters, long rows', 'failed', 0, 2, {
              last: null,
              totalSteps: null,
              error: { code: 'train.tooLittleMemory', params: { neededBytes: 41 * GiB, freeBytes: 18 * GiB } },
            }),
          ]
        : [
            ...(scene === 'running' ? [run('r1', 'letters, rank 8', 'running', 127, 0)] : [run('r1', 'letters, rank 8', 'paused', 127, 0)]),
            finished,
          ]
    ).map((each) => [each.id, each]),
  );
  const answers = [
    ['I am a language model. How can I help you with your letter today?', 'thank you for your letter. The garden is yours from Monday on.'],
    ['The key is a small metal object that opens locks.', 'the key is with the neighbours. Please ring twice.'],
  ];
  const compared = (prompts: readonly string[]): TrainingComparison => ({
    madeMs: now - 600_000,
    pairs: prompts.map((prompt, index) => ({ prompt, before: answers[index % 2]?.[0] ?? '', after: answers[index % 2]?.[1] ?? '' })),
  });
  const comparisons = new Map([['r2', compared(['Dear Ms Okafor,', 'Where is the key?'])]]);
  const runOf = (id: string): TrainingRun => {
    const found = runs.get(id);
    if (found === undefined) throw new Error(`no run ${id}`);
    return found;
  };
  const change = (id: string, changes: Partial<TrainingRun>): TrainingRun => {
    const changed = { ...runOf(id), ...changes };
    runs.set(id, changed);
    return changed;
  };
  return {
    checkData: () => report,
    fields: () => ({ fields: ['question', 'reply', 'tone'] }),
    devices: () => ({ devices: [{ name: 'Vulkan0', description: 'AMD Radeon RX 7800 XT', memoryBytes: 16 * GiB }] }),
    demoData: () => ({ path: '/opt/lathe/resources/demo/samples.jsonl' }),
    preview: () => ({
      architecture: 'smollm3',
      modules: Array.from({ length: 252 }, (_, index) => ({
        tensor: `blk.${Math.floor(index / 7)}.${index % 7}`,
        rank: 8,
        scale: 2,
        parameters: 59_000,
      })),
      trainableParameters: 15_100_000,
      totalParameters: 3_075_000_000,
      hasChatTemplate: true,
      contextLength: 65_536,
    }),
    start: ({ name, template }) => {
      const started = run('r3', name, 'running', 0, 0, { last: null });
      const added = { ...started, config: { ...started.config, template } };
      runs.set(added.id, added);
      return added;
    },
    runs: () => [...runs.values()],
    get: ({ runId }) => {
      const found = runOf(runId);
      return {
        run: found,
        log: log(found.last?.step ?? 0, runId === 'r2' ? 1 : 0),
        samples: found.last === null ? [] : samples,
        comparison: comparisons.get(runId) ?? null,
      };
    },
    compare: ({ runId, prompts }) => {
      const comparison = compared(prompts);
      comparisons.set(runId, comparison);
      return comparison;
    },
    follow: async function* ({ runId }, { signal }) {
      yield { type: 'run' as const, run: runOf(runId) };
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
    pause: ({ runId }) => change(runId, { state: 'paused' }),
    checkpoint: () => ({}),
    stop: ({ runId }) => {
      change(runId, { state: 'done', result: finished.result });
      return {};
    },
    resume: ({ runId }) => change(runId, { state: 'running' }),
    remove: ({ runId }) => {
      runs.delete(runId);
      return {};
    },
    exportRecipe: ({ outputFolder }) => ({ files: [`${outputFolder}/train.yaml`] }),
  };
}
