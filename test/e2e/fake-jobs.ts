import type { Job } from '#contract/jobs.ts';
import { qualityOptions, quantizeOptions } from '#contract/quantize.ts';
import { GiB, MiB } from '#core/bytes.ts';
import { hash, now } from './fake-data.ts';
import { cards } from './fake-quantize.ts';

/** Jobs in every state that one can be in. */

type Progress = Pick<Job, 'phase' | 'detail' | 'fraction' | 'done' | 'ratePerSecond' | 'remainingMs'>;
const still: Progress = { phase: null, detail: null, fraction: null, done: null, ratePerSecond: null, remainingMs: null };

const job = (id: string, spec: Job['spec'], changes: Partial<Job>): Job => ({
  id,
  spec,
  lane: 'cpu',
  state: 'done',
  ...still,
  result: null,
  error: null,
  resumable: false,
  createdMs: now - 60_000 * Number(id.replace(/\D/g, '')),
  startedMs: now - 60_000 * Number(id.replace(/\D/g, '')),
  finishedMs: null,
  ...changes,
});

const quantizeSpec = (target: string, ending: string) =>
  ({
    kind: 'quantize',
    modelId: 'smol',
    target,
    outputPath: `/home/mira/.lathe/models/SmolLM3-3B-${target}${ending}`,
    options: quantizeOptions.parse({}),
    quality: qualityOptions.parse({}),
  }) as const;

export const quantizeJobs: readonly Job[] = [
  job('j11', quantizeSpec('Q6_K', '.gguf'), {
    state: 'running',
    phase: 'quantize.writing',
    detail: 'blk.21.ffn_down.weight',
    fraction: 0.58,
    done: { amount: Math.round(3.32 * GiB), total: Math.round(5.73 * GiB), unit: 'bytes' },
    ratePerSecond: 184 * MiB,
    remainingMs: 13_000,
  }),
  job('j12', quantizeSpec('Q3_K_M', '.gguf'), { state: 'queued', startedMs: null }),
  job('j13', quantizeSpec('gptq-4', ''), { state: 'interrupted', resumable: true }),
  job('j14', quantizeSpec('F16', '.gguf'), {
    state: 'failed',
    error: {
      code: 'disk.tooSmall',
      params: { path: '/home/mira/.lathe/models', needBytes: Math.round(5.73 * GiB), freeBytes: Math.round(2.1 * GiB) },
    },
  }),
];

/** What ended well, with the card that was measured at its end. */
export const madeJob: Job = job('j15', quantizeSpec('Q4_K_M', '.gguf'), {
  finishedMs: now - 60_000 * 15 + 167_000,
  result: {
    kind: 'quantize',
    modelId: 'smolq4',
    path: '/home/mira/.lathe/models/SmolLM3-3B-Q4_K_M.gguf',
    sizeBytes: Math.round(1.79 * GiB),
    durationMs: 167_000,
    warnings: [],
    resumedTensors: 0,
    worstTensors: [],
    outliers: [],
    card: cards[0] ?? null,
    cardProblem: null,
  },
});

export const runningJobs: readonly Job[] = [
  job(
    'j1',
    { ...quantizeSpec('F16', '.gguf'), quality: null },
    {
      state: 'running',
      phase: 'quantize.writing',
      detail: 'blk.17.ffn_down.weight',
      fraction: 0.47,
      done: { amount: Math.round(2.69 * GiB), total: Math.round(5.73 * GiB), unit: 'bytes' },
      ratePerSecond: 310 * MiB,
      remainingMs: 10_000,
    },
  ),
  job('j2', { kind: 'verify', modelId: 'llama8' }, { state: 'queued', startedMs: null }),
];

export const endedJobs: readonly Job[] = [
  job(
    'j3',
    { ...quantizeSpec('BF16', '.gguf'), quality: null },
    {
      finishedMs: now - 60_000 * 3 + 22_000,
      result: {
        kind: 'quantize',
        modelId: 'stories',
        path: '/home/mira/x.gguf',
        sizeBytes: Math.round(5.73 * GiB),
        durationMs: 22_000,
        warnings: [{ code: 'model.slidingWindowIgnored', params: { window: 4096, contextLength: 65_536 } }],
        resumedTensors: 0,
        worstTensors: [],
        outliers: [],
        card: null,
        cardProblem: null,
      },
    },
  ),
  job(
    'j4',
    { kind: 'verify', modelId: 'qwen7' },
    { finishedMs: now - 60_000 * 4 + 9000, result: { kind: 'verify', matches: true, sha256: hash('v'), changedFiles: [] } },
  ),
  job(
    'j5',
    { ...quantizeSpec('F16', '.gguf'), modelId: 'lora', outputPath: '/home/mira/y.gguf', quality: null },
    { state: 'failed', error: { code: 'model.missingTensor', params: { tensor: 'model.layers.3.mlp.up_proj.weight', count: 4 } } },
  ),
  job('j6', { kind: 'demo', name: 'Demo model' }, { state: 'interrupted', resumable: false }),
];
