import { AppError } from '../errors/index.ts';
import { excerpt, excerptOfJson } from '../excerpt.ts';
import { asBoolean, asCount, asText, isConfig, type Config } from '../model/config.ts';
import type { ShardTensorInfo } from '../safetensors/shards.ts';
import { NESTED_BLOCK_SIZE } from './bitsandbytes.ts';
import { gptqBitWidths, GPTQ_PACK, gptqGroups } from './gptq.ts';
import type { PackedFourBit, PackedGptq, PackedInt8, PackedInt8ZeroPoint, SourceTensor } from './packed.ts';

/** Small tensors whose bytes must be known before a plan: the JSON of a bitsandbytes state, and the layout mark of LLM.int8(). */
const noted = /\.weight\.quant_state\.bitsandbytes__(nf4|fp4)$|\.weight_format$/;

/** The JSON of a state takes about 250 bytes. */
const MAX_NOTE_BYTES = 64 * 1024;

/** Tensors whose bytes `readPackedWeights` asks for. @throws quantize.badPackedWeight */
export function tensorsToNote(tensors: readonly ShardTensorInfo[]): readonly ShardTensorInfo[] {
  const found = tensors.filter(({ name }) => noted.test(name));
  for (const { name, sizeBytes } of found) if (sizeBytes > MAX_NOTE_BYTES) throw bad(name, `its state takes ${sizeBytes} bytes`);
  return found;
}

export type Notes = ReadonlyMap<string, Uint8Array>;

const bad = (tensor: string, problem: string): AppError => new AppError('quantize.badPackedWeight', { tensor: excerpt(tensor), problem });

/**
 * The weights of a folder that another program quantized, as tensors of float values. Tensors that are not packed come
 * through as they are, and the order is that of the file's first mention.
 * @param settings `quantization_config`, or quantize_config.json of AutoGPTQ
 * @param notes bytes of `tensorsToNote`
 * @throws quantize.unsupportedCheckpoint, quantize.badPackedWeight
 */
export function readPackedWeights(tensors: readonly ShardTensorInfo[], settings: Config, notes: Notes): readonly SourceTensor[] {
  const method = asText(settings['quant_method'])?.toLowerCase() ?? (Object.hasOwn(settings, 'bits') ? 'gptq' : 'bitsandbytes');
  if (method === 'gptq') checkGptqFormat(settings);
  else if (method === 'compressed-tensors') checkCompressedFormat(settings);
  else if (method !== 'bitsandbytes') throw new AppError('quantize.unsupportedCheckpoint', { format: excerpt(method) });

  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const used = new Set<string>();
  const take = (name: string): ShardTensorInfo | undefined => {
    const tensor = byName.get(name);
    if (tensor !== undefined) used.add(name);
    return tensor;
  };
  const need = (name: string): ShardTensorInfo => {
    const tensor = take(name);
    if (tensor === undefined) throw bad(name, 'it is missing');
    return tensor;
  };
  const parts: Parts = { take, need, settings, notes };
  const logical: SourceTensor[] = [];
  for (const tensor of tensors) {
    if (used.has(tensor.name)) continue;
    const { name } = tensor;
    if (method === 'gptq' && name.endsWith('.qweight')) logical.push(gptqWeight(name.slice(0, -'.qweight'.length), parts));
    else if (method === 'bitsandbytes' && name.endsWith('.weight') && byName.has(`${name}.quant_map`))
      logical.push(fourBitWeight(name, parts));
    else if (method === 'bitsandbytes' && tensor.dtype === 'I8' && name.endsWith('.weight')) logical.push(int8Weight(name, parts));
    else if (method === 'compressed-tensors' && tensor.dtype === 'I8' && name.endsWith('.weight'))
      logical.push(zeroPointWeight(name, parts));
    else logical.push(tensor);
  }
  return logical.filter((tensor) => 'packed' in tensor || !used.has(tensor.name));
}

/** Where the parts of a weight are found; what was found is not a tensor of its own. */
interface Parts {
  readonly take: (name: string) => ShardTensorInfo | undefined;
  readonly need: (name: string) => ShardTensorInfo;
  readonly settings: Config;
  readonly notes: Notes;
}

function checkGptqFormat(settings: Config): void {
  const format = asText(settings['checkpoint_format']) ?? 'gptq';
  const isMarlin = asBoolean(settings['is_marlin_format']) === true;
  const words = asText(settings['pack_dtype']) ?? 'int32';
  if (isMarlin || (format !== 'gptq' && format !== 'gptq_v2') || words !== 'int32')
    throw new AppError('quantize.unsupportedCheckpoint', { format: excerpt(isMarlin ? 'marlin' : `${format}, ${words}`) });
}

function checkCompressedFormat(settings: Config): void {
  const format = asText(settings['format']) ?? '?';
  if (format !== 'int-quantized') throw new AppError('quantize.unsupportedCheckpoint', { format: excerpt(`compressed-tensors ${format}`) });
}

const shown = ({ dtype, shape }: ShardTensorInfo): string => `${dtype} [${excerpt(shape.join(', '))}]`;

/** A part has one of these types, and this shape. */
function expectPart(tensor: ShardTensorInfo, dtypes: readonly string[], shape: readonly number[]): void {
  const isRight =
    dtypes.includes(tensor.dtype) && tensor.shape.length === shape.length && shape.every((size, i) => size === tensor.shape[i]);
  if (!isRight) throw bad(tensor.name, `it is ${shown(tensor)} in place of ${dtypes[0]} [${shape.join(', ')}]`);
}

const decoded = <T extends NonNullable<SourceTensor['packed']>>(
  name: string,
  shape: readonly number[],
  codes: ShardTensorInfo,
  packed: T,
) => ({
  ...codes,
  name,
  dtype: 'F32' as const,
  shape,
  packed,
});

function gptqWeight(module: string, { take, need, settings }: Parts): SourceTensor {
  const qweight = need(`${module}.qweight`);
  const qzeros = need(`${module}.qzeros`);
  const scales = need(`${module}.scales`);
  const groupIndex = take(`${module}.g_idx`);
  const [words = 0, outputs = 0] = qweight.shape;
  if (qweight.dtype !== 'I32' || qweight.shape.length !== 2 || words === 0 || outputs === 0 || outputs % GPTQ_PACK !== 0)
    throw bad(qweight.name, `it is ${shown(qweight)}`);
  // With a group for each input their number is known, and with it the bits: settings may give single layers others.
  const stated = asCount(settings['bits']) ?? asCount(settings['w_bit']) ?? 4;
  const inputs = groupIndex === undefined ? (words * GPTQ_PACK) / stated : (groupIndex.shape[0] ?? 0);
  const bits = gptqBitWidths.find((width) => width * inputs === words * GPTQ_PACK);
  if (bits === undefined || inputs % GPTQ_PACK !== 0) throw bad(qweight.name, `${words} rows of words do not fit ${inputs} inputs`);
  if (groupIndex !== undefined) expectPart(groupIndex, ['I32', 'I64'], [inputs]);
  const [groups = 0] = scales.shape;
  expectPart(scales, ['F16', 'BF16', 'F32'], [groups, outputs]);
  expectPart(qzeros, ['I32'], [groups, (outputs * bits) / GPTQ_PACK]);
  const groupSize =
    settings['group_size'] === -1
      ? -1
      : (asCount(settings['group_size']) ?? asCount(settings['q_group_size']) ?? Math.ceil(inputs / groups));
  if (groups === 0 || groups > inputs) throw bad(scales.name, `it is ${shown(scales)}`);
  if (groupIndex === undefined && gptqGroups(inputs, groupSize) !== groups)
    throw bad(scales.name, `it has ${groups} groups in place of ${gptqGroups(inputs, groupSize)}`);
  const zeroOffset = settings['checkpoint_format'] === 'gptq_v2' ? 0 : 1;
  const packed: PackedGptq = { kind: 'gptq', bits, zeroOffset, groups, groupSize, qweight, qzeros, scales, groupIndex };
  return decoded(`${module}.weight`, [outputs, inputs], qweight, packed);
}

interface FourBitState {
  readonly type: 'nf4' | 'fp4';
  readonly blockSize: number;
  readonly shape: readonly [number, number];
  readonly nestedOffset: number | undefined;
}

function fourBitWeight(name: string, { take, need, notes }: Parts): SourceTensor {
  const codes = need(name);
  const state = (['nf4', 'fp4'] as const)
    .map((type) => take(`${name}.quant_state.bitsandbytes__${type}`))
    .find((found) => found !== undefined);
  const bytes = state === undefined ? undefined : notes.get(state.name);
  if (state === undefined || bytes === undefined) throw bad(name, 'its quant_state is missing');
  const { type, blockSize, shape, nestedOffset } = readState(name, bytes);
  const count = shape[0] * shape[1];
  // Stored under a wider type, the bytes are filled up to whole words.
  const least = Math.ceil(count / 2);
  if (!(codes.sizeBytes >= least && codes.sizeBytes < least + 8)) throw bad(name, `${codes.sizeBytes} bytes do not hold ${count} codes`);
  const absmax = need(`${name}.absmax`);
  const map = need(`${name}.quant_map`);
  const blocks = Math.ceil(count / blockSize);
  expectPart(absmax, [nestedOffset === undefined ? 'F32' : 'U8'], [blocks]);
  expectPart(map, ['F32'], [16]);
  let nested: PackedFourBit['nested'];
  if (nestedOffset !== undefined) {
    nested = { absmax: need(`${name}.nested_absmax`), map: need(`${name}.nested_quant_map`), offset: nestedOffset };
    expectPart(nested.absmax, ['F32'], [Math.ceil(blocks / NESTED_BLOCK_SIZE)]);
    expectPart(nested.map, ['F32'], [256]);
  }
  return decoded(name, shape, codes, { kind: 'fourBit', type, blockSize, codes, absmax, map, nested });
}

/** The JSON of `quant_state`; spaces may follow it. */
function readState(name: string, bytes: Uint8Array): FourBitState {
  let state: unknown;
  try {
    state = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw bad(name, 'its quant_state is no JSON');
  }
  if (!isConfig(state)) throw bad(name, 'its quant_state is no JSON object');
  const { quant_type: type, nested_offset: offset } = state;
  const blockSize = asCount(state['blocksize']);
  const shape: unknown[] = Array.isArray(state['shape']) ? state['shape'] : [];
  const [outputs, inputs] = shape.map(asCount);
  if (type !== 'nf4' && type !== 'fp4') throw bad(name, `its type is ${excerptOfJson(type)}`);
  if (blockSize === undefined || blockSize % 2 !== 0) throw bad(name, `its block size is ${excerptOfJson(state['blocksize'])}`);
  if (outputs === undefined || inputs === undefined || shape.length !== 2 || outputs * inputs > Number.MAX_SAFE_INTEGER)
    throw bad(name, `its shape is ${excerptOfJson(shape)}`);
  const isNested = offset !== undefined && offset !== null;
  if (isNested && (typeof offset !== 'number' || !Number.isFinite(offset))) throw bad(name, 'its nested_offset is no number');
  if (isNested && (state['nested_blocksize'] ?? NESTED_BLOCK_SIZE) !== NESTED_BLOCK_SIZE)
    throw bad(name, `its nested block size is not ${NESTED_BLOCK_SIZE}`);
  return { type, blockSize, shape: [outputs, inputs], nestedOffset: isNested ? Number(offset) : undefined };
}

const moduleOf = (weight: string): string => weight.slice(0, -'.weight'.length);

/** Older versions kept the codes in tilings for one generation of cards; they say so here. */
const ROW_MAJOR = 0;

function int8Weight(name: string, { take, need, notes }: Parts): SourceTensor {
  const codes = need(name);
  const [outputs = 0] = codes.shape;
  if (codes.shape.length !== 2 || codes.sizeBytes === 0) throw bad(name, `it is ${shown(codes)}`);
  const scales = need(`${moduleOf(name)}.SCB`);
  // Some versions write [1, out].
  expectPart(
    { ...scales, shape: scales.shape.length === 2 && scales.shape[0] === 1 ? scales.shape.slice(1) : scales.shape },
    ['F32', 'F16'],
    [outputs],
  );
  const format = take(`${moduleOf(name)}.weight_format`);
  const mark = format === undefined ? ROW_MAJOR : notes.get(format.name)?.[0];
  if (mark !== ROW_MAJOR) throw bad(name, `its codes are in the layout ${mark ?? '?'}, not in rows`);
  return decoded(name, codes.shape, codes, { kind: 'int8', codes, scales } satisfies PackedInt8);
}

function zeroPointWeight(name: string, { take, need }: Parts): SourceTensor {
  const codes = need(name);
  const [outputs = 0] = codes.shape;
  if (codes.shape.length !== 2 || codes.sizeBytes === 0) throw bad(name, `it is ${shown(codes)}`);
  const scales = need(`${moduleOf(name)}.weight_scale`);
  expectPart(scales, ['F32', 'F16', 'BF16'], [outputs, 1]);
  const zeroPoints = take(`${moduleOf(name)}.weight_zero_point`);
  if (zeroPoints !== undefined) expectPart(zeroPoints, ['I8'], [outputs, 1]);
  take(`${moduleOf(name)}.weight_shape`);
  return decoded(name, codes.shape, codes, { kind: 'int8ZeroPoint', codes, scales, zeroPoints } satisfies PackedInt8ZeroPoint);
}
