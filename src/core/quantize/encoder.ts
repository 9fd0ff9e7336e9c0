import type { GgmlTypeName } from '../gguf/types.ts';
import type { FourBitSettings } from './bitsandbytes.ts';
import type { GptqSettings } from './gptq.ts';
import type { ExactType } from './repack.ts';

export type FloatType = 'F32' | 'F16' | 'BF16';

/** How the values of a tensor become the bytes that are written. */
export type Encoder =
  /** The bytes as they are stored. */
  | { readonly kind: 'copy' }
  | { readonly kind: 'cast'; readonly type: FloatType }
  /** One of ggml's own quantizers; `imatrix`: the name under which an importance matrix knows the tensor. */
  | { readonly kind: 'ggml'; readonly type: GgmlTypeName; readonly imatrix: string | undefined }
  /** LLM.int8(). */
  | { readonly kind: 'int8' }
  /** compressed-tensors' asymmetric INT8. */
  | { readonly kind: 'int8ZeroPoint' }
  /** NF4 and FP4. */
  | { readonly kind: 'fourBit'; readonly settings: FourBitSettings }
  /**
   * GPTQ, calibrated, into a checkpoint's tensors or (`exact`) GGUF's blocks. `hessian`: the name under which the calibration
   * knows the tensor. `heads`: where the rows of each head lie in another order in GGUF than here.
   */
  | {
      readonly kind: 'gptq';
      readonly settings: GptqSettings;
      readonly hessian: string;
      readonly exact: ExactType | null;
      readonly heads: number | undefined;
    }
  /** The codes of a GPTQ checkpoint in GGUF's blocks, bit for bit. */
  | { readonly kind: 'repack'; readonly type: ExactType };

/** What becomes of a tensor, in one word. */
export function encodedAs(encoder: Encoder, stored: string): string {
  switch (encoder.kind) {
    case 'copy':
      return stored;
    case 'cast':
    case 'ggml':
    case 'repack':
      return encoder.type;
    case 'int8':
    case 'int8ZeroPoint':
      return 'INT8';
    case 'fourBit':
      return encoder.settings.type.toUpperCase();
    case 'gptq':
      return encoder.exact ?? `GPTQ-${encoder.settings.bits}`;
  }
}
