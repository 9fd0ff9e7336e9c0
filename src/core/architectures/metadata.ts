import { f32 as f32Value, str, u32 as u32Value } from '../gguf/values.ts';
import type { Hyperparameters, MetadataEntry } from './architecture.ts';

export const u32 = (key: string, value: number): MetadataEntry => [key, u32Value(value)];
export const f32 = (key: string, value: number): MetadataEntry => [key, f32Value(value)];
export const text = (key: string, value: string): MetadataEntry => [key, str(value)];

/** Drop what a model does not set. */
export const present = (...entries: (MetadataEntry | undefined)[]): MetadataEntry[] => entries.filter((entry) => entry !== undefined);

/** An entry for a number that may be absent. */
export const u32If = (key: string, value: number | undefined): MetadataEntry | undefined =>
  value === undefined ? undefined : u32(key, value);
export const f32If = (key: string, value: number | undefined): MetadataEntry | undefined =>
  value === undefined ? undefined : f32(key, value);

export const fileTypeEntry = (fileType: number): MetadataEntry => u32('general.file_type', fileType);

/**
 * The entries of a family that adds nothing of its own at the start.
 * Keys and order: `set_gguf_parameters` of TextModel in llama.cpp's `conversion/base.py`; units as in gguf-py's `gguf_writer.py`.
 */
export function commonMetadata(arch: string, h: Hyperparameters, fileType: number): MetadataEntry[] {
  return present(
    u32(`${arch}.block_count`, h.layerCount),
    u32(`${arch}.context_length`, h.contextLength),
    u32(`${arch}.embedding_length`, h.embeddingLength),
    u32(`${arch}.feed_forward_length`, h.feedForwardLength),
    u32(`${arch}.attention.head_count`, h.headCount),
    u32(`${arch}.attention.head_count_kv`, h.headCountKv),
    ...ropeScalingMetadata(arch, h),
    f32If(`${arch}.rope.freq_base`, h.ropeFreqBase),
    f32If(`${arch}.rope.freq_base_swa`, h.ropeFreqBaseSwa),
    f32(`${arch}.attention.layer_norm_rms_epsilon`, h.normEpsilon),
    ...(h.statesHeadDimension ? headLengths(arch, h) : []),
    fileTypeEntry(fileType),
  );
}

export const headLengths = (arch: string, h: Hyperparameters): MetadataEntry[] => [
  u32(`${arch}.attention.key_length`, h.headDimension),
  u32(`${arch}.attention.value_length`, h.headDimension),
];

/** Llama 3's scaling has no entry: it is the tensor `rope_freqs.weight`. */
function ropeScalingMetadata(arch: string, h: Hyperparameters): MetadataEntry[] {
  const key = (name: string): string => `${arch}.rope.scaling.${name}`;
  const scaling = h.ropeScaling;
  switch (scaling.type) {
    case 'linear':
      return [text(key('type'), 'linear'), f32(key('factor'), scaling.factor)];
    case 'yarn':
      return present(
        text(key('type'), 'yarn'),
        f32(key('factor'), scaling.factor),
        u32(key('original_context_length'), scaling.originalContextLength),
        f32If(key('yarn_ext_factor'), scaling.extrapolationFactor),
        f32If(key('yarn_attn_factor'), scaling.attentionFactor),
        f32If(key('yarn_beta_fast'), scaling.betaFast),
        f32If(key('yarn_beta_slow'), scaling.betaSlow),
      );
    default:
      return [];
  }
}
