/** Types that one would give a single tensor, the finest first. */
export const OVERRIDE_TYPES = [
  'F32',
  'F16',
  'BF16',
  'Q8_0',
  'Q6_K',
  'Q5_K',
  'Q5_1',
  'Q5_0',
  'Q4_K',
  'Q4_1',
  'Q4_0',
  'IQ4_NL',
  'IQ4_XS',
  'Q3_K',
  'IQ3_S',
  'Q2_K',
] as const;

/** In a folder of packed weights a tensor can only be left as it is. */
export const KEPT_TYPE = 'F16';
