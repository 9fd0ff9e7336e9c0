import { gptqBits, isPackedTarget } from '#core/quantize/targets.ts';

const NAMES: Readonly<Record<string, string>> = {
  int8: 'INT8',
  'int8-zp': 'INT8 with zero point',
  nf4: 'NF4',
  'nf4-dq': 'NF4 double quantized',
  fp4: 'FP4',
};

/** A target as the field writes it: `GPTQ 4-bit`, `NF4`; GGUF's own names stay as they are. */
export function targetName(target: string): string {
  const bits = isPackedTarget(target) ? gptqBits(target) : undefined;
  return bits === undefined ? (NAMES[target] ?? target) : `GPTQ ${bits}-bit`;
}
