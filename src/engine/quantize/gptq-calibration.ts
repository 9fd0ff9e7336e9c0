import { open } from 'node:fs/promises';
import { onDisk } from '#core/errors/on-disk.ts';
import type { GgufTensorInfo } from '#core/gguf/header.ts';
import { readGguf } from '#core/gguf/read.ts';
import type { CalibratedTensor } from '#core/quantize/calibration-plan.ts';
import { isFloatType } from '../convert/read-chunk.ts';
import { openFileSource } from '../file-source.ts';
import type { Calibrator } from '../native-quantize.ts';
import type { Native } from '../native.ts';
import type { Calibration } from './calibration.ts';
import { bytesOf } from './views.ts';

export interface GptqCalibrationOptions {
  readonly calibrator: Pick<Calibrator, 'secondMoments'>;
  /** What is summed up together, in the order in which it is asked for. */
  readonly passes: readonly (readonly CalibratedTensor[])[];
  /** The file that the calibrator runs, where it may be written to: then what comes after a tensor sees what has become of it. */
  readonly workingPath: string | undefined;
  readonly kernels: Pick<Native, 'cast'>;
  readonly signal: AbortSignal;
  /** A tensor of the pass, and how far all passes together are: in windows of text, of which each pass has `total / passes`. */
  readonly progress: (pass: number, doneWindows: number, totalWindows: number, tensor: string) => void;
}

/** Second moments from running a model, a pass at a time: those of the pass before are forgotten. */
export function gptqCalibration(options: GptqCalibrationOptions): Calibration {
  const { calibrator, passes, workingPath, signal, progress } = options;
  const passOf = new Map(passes.flatMap((tensors, pass) => tensors.map(({ name }) => [name, pass] as const)));
  let present = -1;
  let moments: Readonly<Record<string, Float32Array>> = {};
  return {
    hessian: async (name) => {
      const pass = passOf.get(name);
      const tensors = passes[pass ?? -1];
      if (pass === undefined || tensors === undefined) throw new RangeError(`${name} is in no pass`);
      if (pass !== present) {
        // Forgotten before the next are made: there is room for one pass.
        moments = {};
        present = pass;
        moments = await calibrator.secondMoments(
          tensors.map((tensor) => tensor.name),
          { signal, onProgress: (done, total) => progress(pass, done, total, tensors[0]?.name ?? name) },
        );
      }
      // What the text never reached has no inputs to learn from: its weights are rounded to the nearest.
      const inputs = tensors.find((tensor) => tensor.name === name)?.inputs ?? 0;
      return moments[name] ?? new Float32Array(inputs ** 2);
    },
    ...(workingPath === undefined ? {} : { replace: replaceIn(workingPath, options.kernels) }),
  };
}

/** Writes tensors over those of a GGUF file of floats, in the types that they have there. */
function replaceIn(path: string, kernels: Pick<Native, 'cast'>): (name: string, values: Float32Array) => Promise<void> {
  let tensors: ReadonlyMap<string, GgufTensorInfo> | undefined;
  return async (name, values) => {
    if (tensors === undefined) {
      await using source = await openFileSource(path);
      tensors = new Map((await readGguf(source)).tensors.map((tensor) => [tensor.name, tensor]));
    }
    const { type, offset, sizeBytes } = tensors.get(name) ?? { type: '', offset: 0, sizeBytes: 0 };
    if (!isFloatType(type)) throw new RangeError(`${name} has no floats to write over`);
    const own = bytesOf(values);
    const bytes = type === 'F32' ? own : new Uint8Array(sizeBytes);
    if (type !== 'F32') await kernels.cast('F32', own, type, bytes);
    if (bytes.byteLength !== sizeBytes) throw new RangeError(`${bytes.byteLength} bytes for ${name}, which has ${sizeBytes}`);
    await onDisk(path, async () => {
      await using file = await open(path, 'r+');
      let done = 0;
      while (done < sizeBytes) done += (await file.write(bytes, done, sizeBytes - done, offset + done)).bytesWritten;
    });
  };
}
