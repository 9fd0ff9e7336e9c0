import type { Certificate, CombinedChange } from '#contract/adapters.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { Job } from '#contract/jobs.ts';
import type { Model } from '#contract/library.ts';
import { GiB } from '#core/bytes.ts';
import { now } from './fake-data.ts';

/** What a small adapter does to a model of 36 layers, and how its merge was proved. */

const LAYERS = 36;
const PARTS = ['self_attn.q_proj', 'self_attn.v_proj', 'mlp.gate_proj', 'mlp.down_proj'];

/** A wave through the layers, so that every cell is another one. */
const change = (layer: number, part: number): number =>
  0.004 + 0.03 * Math.abs(Math.sin((layer + 3) / 7 + part)) * (0.4 + layer / LAYERS) * (part % 2 === 0 ? 1 : 0.6);

const figures = PARTS.flatMap((name, part) =>
  Array.from({ length: LAYERS }, (_, layer) => ({
    weight: `model.layers.${layer}.${name}.weight`,
    layer,
    relativeChange: change(layer, part),
  })),
);

const combined: CombinedChange[] = figures.map(({ weight, layer, relativeChange }) => ({
  weight,
  layer,
  rank: 16,
  length: relativeChange * 40,
  sumLength: relativeChange * 44,
  distance: relativeChange * 4,
  energy: Array.from({ length: 32 }, (_, index) => 1 - Math.exp(-(index + 1) / 7)),
}));

export const certificate: Certificate = {
  id: 'c1',
  modelId: 'smolq4',
  baseId: 'smol',
  baseName: 'SmolLM3 3B',
  adapters: [{ adapterId: 'tone', name: 'plain-tone', scale: 0.8 }],
  measure: {
    verdict: 'amber',
    findings: [
      {
        code: 'certificates.lostInRounding',
        params: { count: 7, total: 144, share: 0.41, tensor: 'model.layers.2.self_attn.q_proj.weight' },
      },
    ],
    runtime: { windows: 8, tokens: 1016, meanKl: 0.0041, maxKl: 0.19, topOneAgreement: 0.981, boundMeanKl: 0.0078, effectKl: 0.36 },
    tensors: figures.slice(0, 40).map(({ weight, relativeChange }, index) => ({
      name: weight,
      relativeError: 0.021 - index * 0.0003,
      bound: 0.03,
      relativeChange,
      strength: index < 2 ? 0.41 : 0.997,
      verdict: index < 2 ? 'amber' : 'green',
    })),
    checkedTensors: 326,
    changedTensors: 144,
    samples: [
      {
        prompt: 'The old pond was quiet until',
        runtime: ' a frog leapt in, and the moon broke into pieces.',
        merged: ' a frog leapt in, and the moon broke in two.',
      },
    ],
  },
  madeMs: now - 4 * 60_000,
  durationMs: 48_000,
  versions: { lathe: '0.1.0', 'llama.cpp': 'v0.4.0' },
};

const spec = {
  kind: 'merge',
  baseId: 'smol',
  adapters: [{ adapterId: 'tone', scale: 0.8 }],
  target: 'Q4_K_M',
  outputPath: '/home/mira/models/SmolLM3-3B-plain-tone-Q4_K_M.gguf',
} as const;

const common = {
  lane: 'cpu' as const,
  phase: null,
  detail: null,
  fraction: null,
  done: null,
  ratePerSecond: null,
  remainingMs: null,
  result: null,
  error: null,
  resumable: false,
  createdMs: now - 5 * 60_000,
  startedMs: now - 5 * 60_000,
  finishedMs: null,
};

const DAY_MS = 24 * 3600_000;

/** A merge under way, and one that ended after the page was opened: only then it is shown there. */
export const mergeJobs = (specOf: (spec: unknown) => Job['spec']): Job[] => [
  {
    ...common,
    id: 'm1',
    spec: specOf({ ...spec, target: null, outputPath: '/home/mira/models/SmolLM3-3B-plain-tone' }),
    state: 'running',
    phase: 'merge.writing',
    detail: 'model.layers.17.mlp.down_proj.weight',
    fraction: 0.47,
    done: { amount: Math.round(2.7 * GiB), total: Math.round(5.73 * GiB), unit: 'bytes' },
    ratePerSecond: 0.4 * GiB,
    remainingMs: 8000,
  },
  {
    ...common,
    id: 'm2',
    spec: specOf(spec),
    state: 'done',
    startedMs: now + DAY_MS - 61_000,
    finishedMs: now + DAY_MS,
    result: {
      kind: 'merge',
      modelId: 'smolq4',
      path: spec.outputPath,
      sizeBytes: Math.round(1.78 * GiB),
      durationMs: 61_000,
      warnings: [],
      resumedTensors: 0,
      changedTensors: 144,
      certificate,
      certificateProblem: null,
    },
  },
];

export const adapterHandlers = (models: () => readonly Model[]): AppHandlers['adapters'] => ({
  get: () => ({
    format: 'peft',
    baseName: 'HuggingFaceTB/SmolLM3-3B',
    architecture: null,
    modules: [],
    replaced: [],
    rows: [],
    parameterCount: 0,
  }),
  fits: () =>
    models()
      .filter(({ kind }) => !kind.endsWith('adapter'))
      .map(({ id: modelId, name }) => ({
        modelId,
        problems: name.startsWith('SmolLM3')
          ? []
          : [
              {
                code: 'adapters.shapeMismatch' as const,
                params: { tensor: 'layers.0.self_attn.q_proj', shape: '2048 × 2048', other: name, otherShape: '3584 × 3584' },
              },
            ],
        warnings: [],
      })),
  preview: () => figures,
  previewCombined: () => combined,
  certificates: ({ modelId }) => (modelId === 'smolq4' ? [certificate] : []),
});
