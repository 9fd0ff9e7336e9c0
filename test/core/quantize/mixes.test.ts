import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { chooseTypes, type FloatTensor, type QuantizedModel } from '#core/quantize/choose.ts';
import { mixes, type MixName } from '#core/quantize/mixes.ts';
import { fileTypes } from '#core/gguf/file-types.ts';

const folder = fileURLToPath(new URL('../../golden/quantize', import.meta.url));

/** What llama.cpp's own quantizer chose for a generated model; written by `test/golden/quantize/make.py`. */
interface Golden extends QuantizedModel {
  /** Those of the first layer and of no layer; dimensions in ggml order. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
  /** For each mix the types by kind, run by run: `Q4_K*3 Q6_K`. A kind that is absent keeps its type. */
  readonly mixes: Readonly<Partial<Record<MixName, Readonly<Record<'types' | 'imatrix', Readonly<Record<string, string>>>>>>>;
}

const models = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.startsWith('imatrix'));
const readGolden = (name: string): Golden => JSON.parse(readFileSync(`${folder}/${name}`, 'utf8')) as Golden;

/** All tensors: those of the first layer stand for all layers. */
function tensorsOf({ tensors, layerCount }: Golden): FloatTensor[] {
  return Object.entries(tensors).flatMap(([name, dimensions]) => {
    const type = dimensions.length === 1 || /gate_inp|position/.test(name) ? ('F32' as const) : ('F16' as const);
    const layers = name.startsWith('blk.') ? layerCount : 1;
    return Array.from({ length: layers }, (_, layer) => ({ name: name.replace('blk.0.', `blk.${layer}.`), dimensions, type }));
  });
}

function expand(kind: string, runs: string): [string, string][] {
  const types = runs.split(' ').flatMap((run) => {
    const [type = '', times = '1'] = run.split('*');
    return Array.from({ length: Number(times) }, () => type);
  });
  return types.map((type, layer) => [kind.replace('*', String(layer)), type]);
}

describe('a mix gives every tensor the type that llama.cpp gives it', () => {
  it.each(models)('%s', (file) => {
    const golden = readGolden(file);
    const tensors = tensorsOf(golden);
    let compared = 0;
    for (const [mix, { types, imatrix }] of Object.entries(golden.mixes) as [
      MixName,
      { types: Record<string, string>; imatrix: Record<string, string> },
    ][])
      for (const hasImatrix of [false, true]) {
        const expected = new Map(
          Object.entries(hasImatrix ? { ...types, ...imatrix } : types).flatMap(([kind, runs]) => expand(kind, runs)),
        );
        const chosen = chooseTypes(golden, tensors, mix, { hasImatrix });
        for (const [i, { name, type: kept }] of tensors.entries()) {
          expect(chosen[i]?.type, `${name} under ${mix}`).toBe(expected.get(name) ?? kept);
          compared += 1;
        }
      }
    expect(compared).toBeGreaterThan(1000);
  });

  it('and its number is the one that llama.cpp stores', () => {
    for (const [name, mix] of Object.entries(mixes)) expect(mix.fileType).toBe(fileTypes[name as MixName]);
  });
});
