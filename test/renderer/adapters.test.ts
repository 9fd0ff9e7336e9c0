import { describe, expect, test } from 'vitest';
import { changeMap, partOf } from '#renderer/screens/adapters/change-map.ts';
import { nameFor, outputPath, type Wanted } from '#renderer/screens/adapters/output.ts';
import { adaptersSearch, usesOf, writeUses } from '#renderer/screens/adapters/search.ts';

describe('what is chosen is kept in the address', () => {
  test('strengths are written only where they are not 1, and come back', () => {
    const uses = [
      { adapterId: 'a', scale: 1 },
      { adapterId: 'b', scale: -0.25 },
    ];
    expect(writeUses(uses)).toBe('a,b:-0.25');
    expect(usesOf(writeUses(uses))).toEqual(uses);
    expect(writeUses([])).toBeUndefined();
  });

  test('what nobody can mean is left out', () => {
    expect(usesOf('a:x,:2,b:1e9,c:0')).toEqual([{ adapterId: 'c', scale: 0 }]);
    // One adapter once, at its last strength.
    expect(usesOf('a:1,a:2')).toEqual([{ adapterId: 'a', scale: 2 }]);
    expect(adaptersSearch({ mode: 'nothing', use: 7, base: '' })).toEqual({ use: '7' });
  });
});

describe('the map of changes', () => {
  const figure = (weight: string, layer: number | null, value: number) => ({ weight, layer, value });

  test('has a row for each matrix and a column for each layer that changes', () => {
    const map = changeMap([
      figure('model.layers.4.self_attn.q_proj.weight', 4, 0.5),
      figure('model.layers.2.self_attn.q_proj.weight', 2, 0.25),
      figure('model.layers.2.mlp.up_proj.weight', 2, 0.125),
      figure('lm_head.weight', null, 0.75),
    ]);
    expect(map.layers).toEqual([2, 4]);
    expect(map.rows.map(({ part, cells }) => [part, cells.map((cell) => cell?.value ?? null)])).toEqual([
      ['self_attn.q_proj', [0.25, 0.5]],
      ['mlp.up_proj', [0.125, null]],
    ]);
    expect(map.single.map(({ weight }) => weight)).toEqual(['lm_head.weight']);
    expect(map.most).toBe(0.75);
  });

  test('knows GGUF’s names as well', () => {
    expect(partOf({ weight: 'blk.11.attn_q.weight', layer: 11 })).toBe('attn_q');
    expect(partOf({ weight: 'output.weight', layer: null })).toBe('output');
  });
});

describe('where the result goes', () => {
  const wanted: Wanted = {
    mode: 'merge',
    adapters: [{ adapterId: 'a', scale: 1, name: 'tone' }],
    base: { id: 'b', name: 'SmolLM3-3B-BF16', kind: 'hf' },
    tuned: { id: 't', name: 'SmolLM3-Instruct' },
    target: undefined,
    method: 'ties',
    format: 'peft',
  };

  test('a merge is named after its base and its adapters, and is a folder where the base is one', () => {
    expect(outputPath(wanted, '/models', [])).toBe('/models/SmolLM3-3B-tone');
    expect(outputPath({ ...wanted, base: { id: 'b', name: 'tiny', kind: 'gguf' } }, '/models', [])).toBe('/models/tiny-tone.gguf');
    expect(outputPath({ ...wanted, target: { target: 'Q4_K_M', format: 'gguf' } }, '/models', [])).toBe(
      '/models/SmolLM3-3B-tone-Q4_K_M.gguf',
    );
  });

  test('nothing that is there is written over, whatever the case of its letters', () => {
    expect(outputPath(wanted, '/models', ['/models/smollm3-3b-TONE'])).toBe('/models/SmolLM3-3B-tone-2');
  });

  test('adapters go by what they were made of, in the format that was asked for', () => {
    expect(nameFor({ ...wanted, mode: 'combine' })).toBe('tone-ties');
    expect(outputPath({ ...wanted, mode: 'extract', format: 'gguf' }, '/a', [])).toBe('/a/SmolLM3-Instruct-lora.gguf');
    expect(outputPath({ ...wanted, mode: 'convert', format: 'gguf' }, '/a', ['/a/tone.gguf'])).toBe('/a/tone-2.gguf');
  });
});
