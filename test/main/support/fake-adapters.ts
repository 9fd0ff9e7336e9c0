import { cp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateMeasure } from '#contract/adapters.ts';
import type { tensorContract } from '#contract/engine.ts';
import type { Handlers } from '#contract/define.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { sizeOf } from '#main/jobs/output.ts';
import { writeGeneratedModel } from '../../engine/generated-model.ts';
import { tinyModel } from '../../fixtures.ts';

type TensorHandlers = Handlers<typeof tensorContract>['tensor'];

/** A real PEFT adapter. */
export const adapterFolder = join(import.meta.dirname, '..', '..', 'golden', 'lora', 'plain');

/** What the fake finds in every merge. */
export const certificateMeasure: CertificateMeasure = {
  verdict: 'green',
  findings: [],
  runtime: { windows: 2, tokens: 256, meanKl: 1e-5, maxKl: 2e-4, topOneAgreement: 1, boundMeanKl: 1e-4, effectKl: 0.3 },
  tensors: [{ name: 'blk.0.attn_q.weight', relativeError: 0.001, bound: 0.004, relativeChange: 0.2, strength: 1.001, verdict: 'green' }],
  checkedTensors: 12,
  changedTensors: 4,
  samples: [{ prompt: 'Once', runtime: ' upon a time', merged: ' upon a time' }],
};

/** Answers about adapters: writes small real models and adapters, finds every merge good. */
export function fakeAdapters(
  asked: [string, unknown][],
): Pick<
  TensorHandlers,
  'adapter' | 'adapterFits' | 'adapterChanges' | 'combinedChanges' | 'merge' | 'combine' | 'extract' | 'convertAdapter' | 'certify'
> {
  const write = async (outputPath: string): Promise<number> => {
    await cp(adapterFolder, outputPath, { recursive: true });
    return sizeOf(outputPath);
  };
  return {
    adapter: (input) => {
      asked.push(['adapter', input]);
      const module = { kind: 'linear' as const, rank: 4, inputs: 8, outputs: 8, scale: 2, hasMagnitude: false, hasBias: false };
      return {
        format: 'peft',
        baseName: 'tiny',
        architecture: null,
        modules: [{ weight: 'model.layers.0.self_attn.q_proj.weight', ...module }],
        replaced: [],
        rows: [],
        parameterCount: 64,
      };
    },
    combinedChanges: (input) => {
      asked.push(['combinedChanges', input]);
      return [];
    },
    adapterFits: (input) => {
      asked.push(['adapterFits', input]);
      return input.models.map(() => ({ problems: [], warnings: [] }));
    },
    adapterChanges: (input) => {
      asked.push(['adapterChanges', input]);
      return [{ weight: 'blk.0.attn_q.weight', layer: 0, relativeChange: 0.2 }];
    },
    merge: async function* (input) {
      asked.push(['merge', input]);
      yield { type: 'progress', phase: 'merge.writing', detail: 'output.weight', amount: 50, total: 100, unit: 'bytes' };
      const partial = `${input.outputPath}.partial`;
      if (input.outputPath.endsWith('.gguf')) await writeGeneratedModel(partial, { layers: 1 });
      else await writeHfFolder(tinyModel(), partial);
      await rename(partial, input.outputPath);
      const sizeBytes = await sizeOf(input.outputPath);
      yield { type: 'finished', sizeBytes, warnings: [], resumedTensors: 0, changedTensors: 4 };
    },
    combine: async function* (input) {
      asked.push(['combine', input]);
      yield { type: 'finished', sizeBytes: await write(input.outputPath), warnings: [] };
    },
    extract: async function* (input) {
      asked.push(['extract', input]);
      yield { type: 'finished', sizeBytes: await write(input.outputPath), warnings: [], rank: 4, residual: 0.05 };
    },
    convertAdapter: async function* (input) {
      asked.push(['convertAdapter', input]);
      yield { type: 'finished', sizeBytes: await write(input.outputPath), warnings: [] };
    },
    certify: async function* (input) {
      asked.push(['certify', input]);
      yield { type: 'progress', phase: 'certify.measuring', detail: null, amount: 1, total: 2, unit: 'windows' };
      yield { type: 'finished', measure: certificateMeasure };
    },
  };
}
