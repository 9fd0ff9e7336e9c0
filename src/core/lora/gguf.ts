import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { ggufNumber, ggufString, type GgufHeader } from '../gguf/header.ts';
import { dimensionsToShape } from '../gguf/types.ts';
import { isSafetensorsDtype } from '../safetensors/dtypes.ts';
import type { ShardTensorInfo } from '../safetensors/shards.ts';
import { floatDtypes } from '../convert/sources.ts';
import type { Adapter, LoraModule } from './adapter.ts';
import { checkedModule } from './peft.ts';

/** Keys of a GGUF adapter (llama.cpp's `llama-adapter.cpp`). */
export const ADAPTER_TYPE = 'adapter.type';
export const ADAPTER_ALPHA = 'adapter.lora.alpha';
/** The one tensor that is a table: its halves lie the other way round, since ggml gathers rows where it multiplies elsewhere. */
export const GGUF_EMBEDDING = 'token_embd.weight';

/**
 * Read a GGUF adapter: pairs `<weight>.lora_a`, `<weight>.lora_b` and one alpha for all.
 * @param shard the name under which its file is opened
 * @throws adapters.notLora, .badField, .unknownTensor, .missingHalf, .shapeMismatch, .badType, .zeroAlpha, .empty; gguf.wrongValueType
 */
export function readGgufAdapter(header: GgufHeader, shard: string): Adapter {
  const general = ggufString(header, 'general.type') ?? 'model';
  const type = ggufString(header, ADAPTER_TYPE) ?? '';
  if (general !== 'adapter' || type !== 'lora')
    throw new AppError('adapters.notLora', { type: excerpt(general === 'adapter' ? type : general) });
  const architecture = ggufString(header, 'general.architecture');
  const alpha = ggufNumber(header, ADAPTER_ALPHA);
  if (alpha === 0) throw new AppError('adapters.zeroAlpha', {});
  if (alpha !== undefined && !Number.isFinite(alpha))
    throw new AppError('adapters.badField', { field: ADAPTER_ALPHA, value: String(alpha), expected: 'a number' });

  const halves = new Map<string, { a?: ShardTensorInfo; b?: ShardTensorInfo }>();
  for (const { name, type: stored, dimensions, offset, sizeBytes } of header.tensors) {
    const found = /^(.+)\.lora_([ab])$/.exec(name);
    if (found?.[1] === undefined) throw new AppError('adapters.unknownTensor', { tensor: excerpt(name) });
    if (!floatDtypes.has(stored) || !isSafetensorsDtype(stored))
      throw new AppError('adapters.badType', { tensor: excerpt(name), dtype: stored });
    const half: ShardTensorInfo = { name, dtype: stored, shape: dimensionsToShape(dimensions), offset, sizeBytes, shard };
    halves.set(found[1], { ...halves.get(found[1]), [found[2] === 'a' ? 'a' : 'b']: half });
  }
  const modules = [...halves].map(([weight, { a, b }]): LoraModule => {
    if (a === undefined || b === undefined) {
      const [present, missing] = a === undefined ? ['b', 'a'] : ['a', 'b'];
      throw new AppError('adapters.missingHalf', {
        tensor: excerpt(`${weight}.lora_${present}`),
        missing: excerpt(`${weight}.lora_${missing}`),
      });
    }
    const isTable = weight === GGUF_EMBEDDING;
    const module = { weight, kind: isTable ? 'embedding' : 'linear', magnitude: undefined, bias: undefined } as const;
    const checked = checkedModule({ ...module, a: { tensor: a, isTurned: isTable }, b: { tensor: b, isTurned: false }, scale: 1 });
    // Without an alpha llama.cpp scales nothing.
    return { ...checked, scale: alpha === undefined ? 1 : alpha / checked.rank };
  });
  if (modules.length === 0) throw new AppError('adapters.empty', { file: header.file });
  const baseName = ggufString(header, 'general.base_model.0.name');
  return { format: 'gguf', baseName, architecture, modules, replaced: [], rows: [], changesTiedPair: false };
}
