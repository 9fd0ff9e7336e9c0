import type { ModelRequest, ValueSource } from '#core/convert/plan.ts';
import type { AppErrorData } from '#core/errors/index.ts';
import type { GgufMetadata } from '#core/gguf/values.ts';
import { planGguf, type PlannedTensor } from '#core/gguf/write.ts';
import { folderModel } from '#core/quantize/model.ts';
import { planQuantization } from '#core/quantize/planner.ts';

/** A folder that becomes a GGUF file of floats. */
export interface ConversionRequest extends ModelRequest {
  readonly target: 'F32' | 'F16' | 'BF16';
}

export interface ConvertedTensor extends PlannedTensor {
  readonly source: ValueSource;
}

export interface Conversion {
  readonly metadata: GgufMetadata;
  readonly header: Uint8Array;
  readonly tensors: readonly ConvertedTensor[];
  readonly totalBytes: number;
  readonly warnings: readonly AppErrorData[];
}

/** The plan of a conversion, with the header and the places of the file that it describes. */
export function planConversion(request: ConversionRequest): Conversion {
  const model = folderModel({ ...request, files: [], gptq: new Map() });
  const { output, tensors, sizeBytes, warnings } = planQuantization({ model, target: request.target, version: '0.0.0' });
  if (output.format !== 'gguf') throw new Error('floats go to GGUF unless they are asked not to');
  const { header, tensors: placed, totalBytes } = planGguf(output);
  if (totalBytes !== sizeBytes) throw new Error(`${sizeBytes} bytes were promised, ${totalBytes} are laid out`);
  const made = placed.map((tensor, i) => {
    const planned = tensors[i];
    if (planned?.name !== tensor.name || planned.places['codes']?.offset !== tensor.offset) throw new Error(`${tensor.name} is misplaced`);
    return { ...tensor, source: planned.source };
  });
  return { metadata: output.metadata, header, tensors: made, totalBytes, warnings };
}
