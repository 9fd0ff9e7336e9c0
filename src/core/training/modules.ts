import { AppError } from '../errors/index.ts';
import { XorShift32, normalQuantile, seedOf } from '../demo/random.ts';
import { modulePattern } from '../lora/pattern.ts';
import { savedModules, type TrainingSettings } from './settings.ts';

/** Which matrices of a model get an adapter, how large and how strong it is, and what it begins with. */

export interface LoraModule {
  /** Of the base, such as `blk.0.attn_q.weight`. */
  readonly tensor: string;
  readonly rank: number;
  /** alpha / rank, or alpha / √rank. */
  readonly scale: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** Hugging Face's last names of what GGUF calls otherwise; fused matrices under every name of their parts' makers. */
export const hfNames: Readonly<Record<string, readonly string[]>> = {
  attn_q: ['q_proj'],
  attn_k: ['k_proj'],
  attn_v: ['v_proj'],
  attn_qkv: ['qkv_proj', 'query_key_value'],
  attn_output: ['o_proj', 'dense'],
  ffn_gate: ['gate_proj'],
  ffn_up: ['up_proj', 'gate_up_proj'],
  ffn_down: ['down_proj'],
};

interface ModelMatrices {
  readonly layers: number;
  /** Last names of each layer's matrices. */
  readonly linears: readonly string[];
  /** Inputs and outputs of a tensor, by its name in GGUF. */
  readonly shapeOf: (tensor: string) => readonly [inputs: number, outputs: number];
}

/** @throws train.badSetting for a target or a pattern that names nothing of the model */
export function loraModules({ layers, linears, shapeOf }: ModelMatrices, settings: TrainingSettings): LoraModule[] {
  const { target_modules: targets, rank_pattern, alpha_pattern, layers_to_transform, use_rslora } = settings;
  const names = (linear: string): readonly string[] => [linear, ...(hfNames[linear] ?? [])];
  const isNamed = (linear: string, name: string): boolean => names(linear).includes(name);
  const wanted = targets === 'all-linear' ? linears : linears.filter((linear) => targets.some((target) => isNamed(linear, target)));
  const known = linears.flatMap(names).join(', ');
  const refuse = (setting: string, name: string): AppError => new AppError('train.badSetting', { setting, value: name, expected: known });
  if (targets !== 'all-linear')
    for (const target of targets) if (!linears.some((linear) => isNamed(linear, target))) throw refuse('target_modules', target);
  const beyond = layers_to_transform.find((layer) => layer >= layers);
  if (beyond !== undefined)
    throw new AppError('train.badSetting', { setting: 'layers_to_transform', value: beyond, expected: `a layer from 0 to ${layers - 1}` });
  const adapted = layers_to_transform.length === 0 ? Array.from({ length: layers }, (_, layer) => layer) : layers_to_transform;
  const used = new Set<string>();
  const patterned = (pattern: Readonly<Record<string, number>>, layer: number, linear: string, usual: number): number => {
    const key = Object.keys(pattern).find((each) => patternNames(each, layer, names(linear)));
    if (key === undefined) return usual;
    used.add(key);
    return pattern[key] ?? usual;
  };
  const modules: LoraModule[] = [];
  for (const layer of adapted)
    for (const linear of wanted) {
      const rank = patterned(rank_pattern, layer, linear, settings.r);
      const alpha = patterned(alpha_pattern, layer, linear, settings.lora_alpha);
      const tensor = `blk.${layer}.${linear}.weight`;
      const [inputs, outputs] = shapeOf(tensor);
      modules.push({ tensor, rank, scale: alpha / (use_rslora ? Math.sqrt(rank) : rank), inputs, outputs });
    }
  for (const [setting, pattern] of Object.entries({ rank_pattern, alpha_pattern }))
    for (const key of Object.keys(pattern)) if (!used.has(key)) throw refuse(setting, key);
  return modules;
}

/**
 * Whether a key of a pattern means a matrix: a regular expression that its path ends with, as in PEFT, or in short `q_proj`,
 * `layers.3.q_proj`, `blk.3.attn_q`, `layers.3`: a name, a layer, or both, where anything between counts for nothing.
 */
function patternNames(key: string, layer: number, names: readonly string[]): boolean {
  if (isShort(key, layer, names)) return true;
  const matches = modulePattern(key);
  const part = names[0]?.startsWith('ffn') === true ? 'mlp' : 'self_attn';
  return names.some((name) => matches?.(`model.layers.${layer}.${part}.${name}`) === true);
}

function isShort(key: string, layer: number, names: readonly string[]): boolean {
  const parts = key
    .replace(/^\^|\$$/g, '')
    .replaceAll('\\.', '.')
    .split('.');
  const numbers = parts.filter((part) => /^\d+$/.test(part));
  const last = parts.at(-1) ?? '';
  const isLayer = numbers.length === 0 || (numbers.length === 1 && Number(numbers[0]) === layer);
  const isBare = /^\d+$/.test(last);
  return isLayer && (isBare || names.includes(last));
}

/**
 * Tensors that are trained whole beside the adapter. @throws train.badSetting for an output matrix that the model has not: where it is
 * the embedding, that is what there is to train
 */
export function savedTensors(
  { modules_to_save: names }: Pick<TrainingSettings, 'modules_to_save'>,
  has: (tensor: string) => boolean,
): string[] {
  const tensors = new Set<string>();
  for (const name of names) {
    const tensor = savedModules[name] ?? name;
    if (!has(tensor))
      throw new AppError('train.badSetting', {
        setting: 'modules_to_save',
        value: name,
        expected: 'embed_tokens: it is the output as well',
      });
    tensors.add(tensor);
  }
  return [...tensors];
}

/** Parameters of an adapter's factors. */
export const parameterCount = (modules: readonly LoraModule[], hasMagnitudes: boolean): number =>
  modules.reduce((sum, { rank, inputs, outputs }) => sum + rank * (inputs + outputs) + (hasMagnitudes ? outputs : 0), 0);

/**
 * What A begins with, `[rank, inputs]`: PEFT's `kaiming_uniform_(a = √5)`, which is uniform within ±1/√inputs; or normal with
 * deviation 1/rank. The same seed and name give the same bits on every machine.
 */
export function initialA({ tensor, rank, inputs }: LoraModule, init: TrainingSettings['init_lora_weights'], seed: number): Float32Array {
  const random = new XorShift32(seedOf(tensor, seed));
  const values = new Float32Array(rank * inputs);
  const bound = 1 / Math.sqrt(inputs);
  for (let i = 0; i < values.length; i++) {
    // Never 0 nor 1, of which the normal distribution has no quantile.
    const p = (random.next() + 0.5) / 2 ** 32;
    // Digits beyond a float32's may differ between two machines' logarithms.
    values[i] = init === true ? (2 * p - 1) * bound : Math.fround(normalQuantile(p)) / rank;
  }
  return values;
}
