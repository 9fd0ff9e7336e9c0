import { AppError } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import { f32, str, u32, type GgufMetadata } from '../gguf/values.ts';
import type { NewGgufTensor } from '../gguf/write.ts';
import { configText } from '../quantize/hf-config.ts';
import type { NewTensor } from '../safetensors/write.ts';
import type { AdapterBase, BaseTensor } from './base.ts';
import { turn } from './factors.ts';
import { ADAPTER_ALPHA, ADAPTER_TYPE, GGUF_EMBEDDING } from './gguf.ts';
import { PEFT_PREFIX } from './peft.ts';

/** A module of an adapter that is to be written, its factors in memory and in Hugging Face's order. */
export interface MadeModule {
  readonly base: BaseTensor;
  readonly kind: 'linear' | 'embedding';
  readonly rank: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly scale: number;
  /** `[rank, inputs]` */
  readonly a: Float32Array<ArrayBuffer>;
  /** `[outputs, rank]` */
  readonly b: Float32Array<ArrayBuffer>;
  /** DoRA's lengths, `[outputs]`. */
  readonly magnitude?: Float32Array<ArrayBuffer> | undefined;
}

/** A tensor of the base that a written adapter replaces: a norm or a bias. */
export interface MadeTensor {
  readonly base: BaseTensor;
  readonly values: Float32Array<ArrayBuffer>;
}

/** An adapter that was made here: converted, combined or extracted. */
export interface MadeAdapter {
  readonly base: AdapterBase;
  readonly baseName: string | undefined;
  readonly modules: readonly MadeModule[];
  readonly replaced: readonly MadeTensor[];
  /** In a tied model, the output matrix changes with the embedding. */
  readonly changesTiedPair: boolean;
}

/** A tensor to be written, and its values. */
interface Written<T> {
  readonly tensor: T;
  readonly values: Float32Array<ArrayBuffer>;
}

/** The two files of a PEFT folder. */
export interface PeftOutput {
  readonly config: string;
  readonly tensors: readonly Written<NewTensor>[];
}

const pathOf = ({ hf }: BaseTensor): string => hf.replace(/\.(weight|bias)$/, '');

/**
 * A PEFT adapter in float32. Every module's alpha and rank are said as they are; what most have is said for all.
 */
export function peftOutput({ baseName, modules, replaced, changesTiedPair }: MadeAdapter): PeftOutput {
  const alphaOf = ({ scale, rank }: MadeModule): number => scale * rank;
  const rank = mostCommon(modules.map((module) => module.rank)) ?? 1;
  const alpha = mostCommon(modules.map(alphaOf)) ?? rank;
  const differing = <T>(value: (module: MadeModule) => T, usual: T): Record<string, T> =>
    Object.fromEntries(modules.filter((module) => value(module) !== usual).map((module) => [patternOf(module), value(module)]));
  const wholes = replaced.filter(({ base: { hf } }) => hf.endsWith('.weight'));
  const hasBiases = replaced.length > wholes.length;
  const config = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: baseName ?? null,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    bias: hasBiases ? 'all' : 'none',
    use_rslora: false,
    use_dora: modules.some((module) => module.magnitude !== undefined),
    init_lora_weights: true,
    fan_in_fan_out: modules.some((module) => module.base.isConv1d),
    rank_pattern: differing((module) => module.rank, rank),
    alpha_pattern: differing(alphaOf, alpha),
    target_modules: modules.map((module) => pathOf(module.base)),
    ...(changesTiedPair ? { ensure_weight_tying: true } : {}),
    modules_to_save: wholes.length === 0 ? null : wholes.map((whole) => pathOf(whole.base)),
  };
  const adapted = new Set(modules.map((module) => pathOf(module.base)));
  const tensors = [
    ...modules.flatMap((module) => {
      const { rank: r, inputs, outputs, a, b, kind, magnitude } = module;
      const [nameA, nameB] = kind === 'embedding' ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A.weight', 'lora_B.weight'];
      const path = `${PEFT_PREFIX}${pathOf(module.base)}`;
      return [
        written(`${path}.${nameA}`, [r, inputs], a),
        written(`${path}.${nameB}`, [outputs, r], b),
        ...(magnitude === undefined ? [] : [written(`${path}.lora_magnitude_vector`, [outputs], magnitude)]),
      ];
    }),
    ...replaced.map(({ base: tensor, values }) => {
      const path = pathOf(tensor);
      // PEFT wraps an adapted layer: its bias is the wrapped one's.
      const inner = tensor.hf.endsWith('.bias') && adapted.has(path) ? '.base_layer' : '';
      return written(`${PEFT_PREFIX}${path}${inner}${tensor.hf.slice(path.length)}`, tensor.shape, values);
    }),
  ];
  return { config: configText(config), tensors };
}

/** Dots of a path are literal: PEFT reads the key as a regular expression. */
const patternOf = ({ base }: MadeModule): string => `^${pathOf(base).replaceAll('.', '\\.')}`;

const written = (name: string, shape: readonly number[], values: Float32Array<ArrayBuffer>): Written<NewTensor> => ({
  tensor: { name, dtype: 'F32', shape },
  values,
});

function mostCommon(values: readonly number[]): number | undefined {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].reduce<readonly [number | undefined, number]>((best, each) => (each[1] > best[1] ? each : best), [undefined, 0])[0];
}

export interface GgufAdapterOutput {
  readonly metadata: GgufMetadata;
  readonly tensors: readonly Written<NewGgufTensor>[];
}

/**
 * A GGUF adapter in float32. It has one alpha for all, and llama.cpp scales by alpha / rank of each module: whatever else a
 * module's scale is, goes into its B.
 * @param reorder rows of each head from two halves to neighbouring pairs, as llama.cpp has them
 * @throws adapters.notInGguf naming what the format has no place for
 */
export function ggufAdapterOutput(
  { base, baseName, modules, replaced }: MadeAdapter,
  reorder: (b: Float32Array<ArrayBuffer>, rows: number, heads: number) => Float32Array<ArrayBuffer>,
): GgufAdapterOutput {
  refuse(
    'modules_to_save',
    replaced.filter(({ base: { hf } }) => hf.endsWith('.weight')).map((tensor) => tensor.base.hf),
  );
  refuse(
    'bias',
    replaced.map((tensor) => tensor.base.hf),
  );
  refuse(
    'use_dora',
    modules.filter((module) => module.magnitude !== undefined).map((module) => module.base.hf),
  );
  const isInput = (module: MadeModule): boolean => module.base.gguf === GGUF_EMBEDDING;
  // Positions are looked up too, and llama.cpp adapts no look-up but that of tokens.
  refuse(
    'lora_embedding_A',
    modules.filter((module) => module.kind === 'embedding' && !isInput(module)).map((module) => module.base.hf),
  );
  // With one matrix for both, llama.cpp would use the halves of the look-up for the product as well.
  if (base.tiedHead !== undefined)
    refuse(
      'lora_embedding_A',
      modules.filter(isInput).map((module) => module.base.hf),
    );
  const alpha = Math.fround(mostCommon(modules.map(({ scale, rank }) => scale * rank)) ?? 1);
  const metadata: GgufMetadata = new Map([
    ['general.architecture', str(base.architecture)],
    ['general.type', str('adapter')],
    [ADAPTER_TYPE, str('lora')],
    ...(baseName === undefined
      ? []
      : ([
          ['general.base_model.count', u32(1)],
          ['general.base_model.0.name', str(baseName)],
        ] as const)),
    [ADAPTER_ALPHA, f32(alpha)],
  ]);
  const tensors = modules.flatMap(({ base: { gguf, heads }, kind, rank, inputs, outputs, scale, a, b }) => {
    const factor = (scale * rank) / alpha;
    const scaled = Math.fround(factor) === 1 ? b : b.map((value) => value * factor);
    const rows = heads === undefined ? scaled : reorder(scaled, outputs, heads);
    // Of the table ggml gathers rows: a token's part of A is a row of the file.
    const isTable = kind === 'embedding';
    const half = (name: string, dimensions: readonly number[], values: Float32Array<ArrayBuffer>): Written<NewGgufTensor> => ({
      tensor: { name: `${gguf}.${name}`, type: 'F32', dimensions },
      values,
    });
    return [
      half('lora_a', isTable ? [rank, inputs] : [inputs, rank], isTable ? turn(a, rank, inputs) : a),
      half('lora_b', [rank, outputs], rows),
    ];
  });
  return { metadata, tensors };
}

/** @throws adapters.notInGguf where there are any */
export function refuse(what: string, names: readonly string[]): void {
  if (names[0] !== undefined) throw new AppError('adapters.notInGguf', { what, tensor: excerpt(names[0]), count: names.length });
}
