import { tensor, type Stored } from './quantize.ts';

/** The slow, plain way to read what was written: one value at a time, by the definitions of the formats. */

export function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return (bits & 0x8000 ? -1 : 1) * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

const f32 = ({ bytes }: Stored): Float32Array => new Float32Array(bytes.buffer);

/** Bits `[at · width, (at + 1) · width)` of words that lie `stride` apart. */
function field(words: Uint32Array, first: number, stride: number, at: number, width: number): number {
  let value = 0;
  for (let bit = 0; bit < width; bit += 1) {
    const place = at * width + bit;
    value |= (((words[first + Math.floor(place / 32) * stride] ?? 0) >>> (place % 32)) & 1) << bit;
  }
  return value;
}

/** A linear layer of a quantized folder as floats, [out × in]. */
export function dequantize(
  tensors: ReadonlyMap<string, Stored>,
  module: string,
  settings: { bits?: number; zeroOffset?: number } = {},
): Float32Array {
  if (tensors.has(`${module}.qweight`)) return gptq(tensors, module, settings.bits ?? 4, settings.zeroOffset ?? 1);
  const weight = tensor(tensors, `${module}.weight`);
  const inputs = weight.shape[1] ?? 1;
  if (tensors.has(`${module}.SCB`)) {
    const scb = f32(tensor(tensors, `${module}.SCB`));
    // Each product is rounded, as bitsandbytes does it.
    return Float32Array.from(
      new Int8Array(weight.bytes.buffer),
      (code, i) => Math.fround(code * (scb[Math.floor(i / inputs)] ?? NaN)) * Math.fround(1 / 127),
    );
  }
  if (tensors.has(`${module}.weight_scale`)) {
    const scales = f32(tensor(tensors, `${module}.weight_scale`));
    const zeros = new Int8Array(tensor(tensors, `${module}.weight_zero_point`).bytes.buffer);
    return Float32Array.from(new Int8Array(weight.bytes.buffer), (code, i) => {
      const row = Math.floor(i / inputs);
      return (scales[row] ?? NaN) * (code - (zeros[row] ?? NaN));
    });
  }
  return fourBit(tensors, `${module}.weight`);
}

function fourBit(tensors: ReadonlyMap<string, Stored>, name: string): Float32Array {
  const stateName = [...tensors.keys()].find((each) => each.startsWith(`${name}.quant_state.`)) ?? '';
  const state = JSON.parse(new TextDecoder().decode(tensor(tensors, stateName).bytes)) as {
    blocksize: number;
    shape: number[];
    nested_offset?: number;
  };
  const map = f32(tensor(tensors, `${name}.quant_map`));
  const stored = tensor(tensors, `${name}.absmax`);
  let absmax = f32({ ...stored, bytes: stored.type === 'F32' ? stored.bytes : new Uint8Array(4) });
  if (state.nested_offset !== undefined) {
    const nestedMap = f32(tensor(tensors, `${name}.nested_quant_map`));
    const nested = f32(tensor(tensors, `${name}.nested_absmax`));
    const offset = Math.fround(state.nested_offset);
    absmax = Float32Array.from(
      stored.bytes,
      (code, i) => Math.fround((nestedMap[code] ?? NaN) * (nested[Math.floor(i / 256)] ?? NaN)) + offset,
    );
  }
  const { bytes } = tensor(tensors, name);
  const count = state.shape.reduce((product, size) => product * size, 1);
  return Float32Array.from({ length: count }, (_, i) => {
    const byte = bytes[i >> 1] ?? 0;
    return (map[i % 2 === 0 ? byte >> 4 : byte & 15] ?? NaN) * (absmax[Math.floor(i / state.blocksize)] ?? NaN);
  });
}

function gptq(tensors: ReadonlyMap<string, Stored>, module: string, bits: number, zeroOffset: number): Float32Array {
  const words = (part: string): Uint32Array => new Uint32Array(tensor(tensors, `${module}.${part}`).bytes.buffer);
  const [, outputs = 0] = tensor(tensors, `${module}.qweight`).shape;
  const [qweight, qzeros] = [words('qweight'), words('qzeros')];
  const scales = new Uint16Array(tensor(tensors, `${module}.scales`).bytes.buffer);
  const groups = new Int32Array(tensor(tensors, `${module}.g_idx`).bytes.buffer);
  const inputs = groups.length;
  return Float32Array.from({ length: outputs * inputs }, (_, i) => {
    const [output, input] = [Math.floor(i / inputs), i % inputs];
    const group = groups[input] ?? 0;
    const code = field(qweight, output, outputs, input, bits);
    const zero = field(qzeros, (group * outputs * bits) / 32, 1, output, bits) + zeroOffset;
    return half(scales[group * outputs + output] ?? 0) * (code - zero);
  });
}
