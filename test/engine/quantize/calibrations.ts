import { seededRandom } from '#test/byte-source.ts';
import type { Calibration } from '#engine/quantize/calibration.ts';

const hessians = new Map<number, Float32Array>();

/** A calibration on random inputs, some of which hang together: 2/n · Σ x·xᵀ, by the definition. */
export function randomCalibration(inputsOf: (tensor: string) => number, log: string[] = []): Required<Calibration> {
  return {
    hessian: async (tensor) => {
      log.push(tensor);
      const inputs = inputsOf(tensor);
      const known = hessians.get(inputs);
      if (known !== undefined) return known;
      const random = seededRandom(inputs);
      const hessian = new Float32Array(inputs * inputs);
      const samples = 2 * inputs;
      for (let sample = 0; sample < samples; sample += 1) {
        const shared = random() - 0.5;
        const x = Float32Array.from({ length: inputs }, (_, i) => (random() - 0.5) * (1 + (i % 5)) + shared);
        for (let i = 0; i < inputs; i += 1)
          for (let j = 0; j < inputs; j += 1)
            hessian[i * inputs + j] = (hessian[i * inputs + j] ?? 0) + (2 / samples) * (x[i] ?? 0) * (x[j] ?? 0);
      }
      hessians.set(inputs, hessian);
      return hessian;
    },
    replace: async (tensor) => void log.push(`${tensor} replaced`),
  };
}
