import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Config } from '#core/model/config.ts';
import { isSafetensorsDtype, safetensorsBytes } from '#core/safetensors/dtypes.ts';
import type { ShardTensorInfo } from '#core/safetensors/shards.ts';
import { TokenType, type GgufVocabulary } from '#core/tokenizer/types.ts';

const folder = fileURLToPath(new URL('../../golden/architectures', import.meta.url));

/** What llama.cpp's own converter made of a tiny model; written by `test/golden/architectures/make.py`. */
export interface Golden {
  readonly config: Config;
  readonly generationConfig: Config;
  readonly sources: readonly (readonly [name: string, dtype: string, shape: readonly number[]])[];
  readonly targets: Readonly<Record<'f32' | 'f16' | 'bf16', GoldenFile>>;
}

export interface GoldenFile {
  readonly entries: readonly (readonly [key: string, type: string, value: unknown])[];
  /** Sorted by name; dimensions in ggml order. */
  readonly tensors: readonly (readonly [name: string, type: string, dimensions: readonly number[], sha256: string])[];
}

export const goldenNames: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith('.json') && !['defaults.json', 'llama3-divisors.json', 'predictions.json'].includes(file))
  .map((file) => file.slice(0, -'.json'.length))
  .toSorted();

export const readGolden = (name: string): Golden => JSON.parse(readFileSync(`${folder}/${name}.json`, 'utf8')) as Golden;

/** config.json files with nothing that transformers has a default for, and what the converter then wrote of the family's own entries. */
export const readDefaults = (): Readonly<Record<string, { readonly config: Config; readonly entries: GoldenFile['entries'] }>> =>
  JSON.parse(readFileSync(`${folder}/defaults.json`, 'utf8')) as ReturnType<typeof readDefaults>;

/** The golden models have no tokenizer: their goldens are about everything else. */
export const plainVocabulary = (size: number): GgufVocabulary => ({
  model: 'gpt2',
  pre: 'default',
  tokens: Array.from({ length: size }, (_, i) => `t${i}`),
  tokenTypes: new Int32Array(size).fill(TokenType.normal),
  merges: [],
  specialIds: {},
  add: {},
  chatTemplates: { named: {} },
});

/** The tensors of a golden model as a header would list them. */
export function storedTensors({ sources }: Pick<Golden, 'sources'>): ShardTensorInfo[] {
  let offset = 0;
  return sources.map(([name, dtype, shape]) => {
    if (!isSafetensorsDtype(dtype)) throw new Error(`unknown dtype ${dtype}`);
    const sizeBytes = safetensorsBytes(dtype, shape);
    offset += sizeBytes;
    return { name, dtype, shape, offset: offset - sizeBytes, sizeBytes, shard: 'model.safetensors' };
  });
}
