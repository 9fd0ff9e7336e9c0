import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { architectureOf, architectures } from '#core/architectures/index.ts';
import { elementCount } from '#core/element-count.ts';
import type { GgufValue } from '#core/gguf/values.ts';
import { goldenNames, plainVocabulary, readDefaults, readGolden, storedTensors, type Golden } from './golden.ts';
import { planConversion, type Conversion } from './planned.ts';
import { convertTensor, encode, goldenWeights } from './reference.ts';

const targets = ['f32', 'f16', 'bf16'] as const;
type Target = (typeof targets)[number];

const typeNames: Partial<Record<GgufValue['type'], string>> = { u32: 'UINT32', i32: 'INT32', f32: 'FLOAT32', str: 'STRING', bool: 'BOOL' };

function plan(golden: Golden, target: Target, licence: string | undefined): Conversion {
  const { config, generationConfig } = golden;
  return planConversion({
    config,
    tensors: storedTensors(golden),
    vocabulary: plainVocabulary(96),
    name: 'Tiny',
    target: target.toUpperCase() as Uppercase<Target>,
    licence,
    generationConfig,
  });
}

type Entry = readonly [key: string, type: string | undefined, value: unknown];
const entryOf = ([key, { type, value }]: readonly [string, GgufValue]): Entry => [key, typeNames[type], value];

/** Upstream writes Phi-3's factor while it writes tensors, and so before everything else; here it stands with its family. */
const outOfOrder = 'phi3.rope.scaling.attn_factor';
const inOrder = (entries: readonly Entry[]): Entry[] => [
  ...entries.filter(([key]) => key !== outOfOrder),
  ...entries.filter(([key]) => key === outOfOrder),
];

describe('our conversion against llama.cpp’s own converter', () => {
  it('has a golden model for every family', () => {
    const families = new Set(goldenNames.map((name) => name.replace(/-.*/, '')));
    expect([...families].toSorted()).toEqual(architectures.map(({ family }) => family).toSorted());
  });

  it.each(Object.entries(readDefaults()))(
    'fills in what transformers fills in where the config.json of %s is silent',
    (family, { config, entries }) => {
      const architecture = architectureOf(config);
      expect(architecture.family).toBe(family);
      expect(architecture.metadata(architecture.hyperparameters(config), 1).map(entryOf)).toEqual(entries);
    },
  );

  describe.each(goldenNames)('%s', (name) => {
    const golden = readGolden(name);
    const licence = name === 'llama' ? 'apache-2.0' : undefined;

    it.each(targets)('writes the same metadata to %s, key by key in the same order', (target) => {
      const made = [...plan(golden, target, licence).metadata].map(entryOf).filter(([key]) => !key.startsWith('tokenizer.'));
      expect(inOrder(made)).toEqual(inOrder(golden.targets[target].entries));
    });

    it.each(targets)('writes the same tensors to %s, byte for byte', (target) => {
      const bytes = new Map(
        golden.sources.map(([tensor, dtype, shape]) => [tensor, encode(goldenWeights(tensor, elementCount(shape)), dtype)]),
      );
      const read = (tensor: string): Uint8Array => bytes.get(tensor) ?? new Uint8Array();
      const made = plan(golden, target, licence).tensors.map((tensor) => {
        const converted = convertTensor(tensor, read);
        expect(converted.byteLength).toBe(tensor.sizeBytes);
        return [tensor.name, tensor.type, tensor.dimensions, createHash('sha256').update(converted).digest('hex')];
      });
      expect(made.toSorted(([left], [right]) => (String(left) < String(right) ? -1 : 1))).toEqual(golden.targets[target].tensors);
    });
  });
});
