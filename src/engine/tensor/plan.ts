import { basename } from 'node:path';
import { AppError, toErrorData } from '#core/errors/index.ts';
import { planCalibration, type CalibrationPlan } from '#core/quantize/calibration-plan.ts';
import { readImatrix } from '#core/quantize/imatrix-file.ts';
import type { Imatrix } from '#core/quantize/imatrix.ts';
import type { ImatrixFacts } from '#core/quantize/plan-gguf.ts';
import type { QuantizationPlan } from '#core/quantize/plan.ts';
import { planQuantization } from '#core/quantize/planner.ts';
import { formatsOf, parseTarget, quantizeTargets, type OutputFormat, type QuantizeTarget } from '#core/quantize/targets.ts';
import type { QuantizeOptions, QuantizePlan, Recipe } from '#contract/quantize.ts';
import { openFileSource } from '../file-source.ts';
import { openQuantizable, type OpenedModel } from '../quantize/open-model.ts';
import type { TensorContext, TensorHandlers } from './context.ts';

/** An importance matrix with the name of its file. */
export interface NamedImatrix {
  readonly imatrix: Imatrix;
  readonly facts: ImatrixFacts;
}

/** The importance matrix that the options name. Throws `quantize.imatrixInvalid`, `gguf.*`, `disk.*`. */
export async function openImatrix({ imatrixPath }: QuantizeOptions): Promise<NamedImatrix | undefined> {
  if (imatrixPath === null) return undefined;
  await using source = await openFileSource(imatrixPath);
  const imatrix = await readImatrix(source);
  const { datasets, chunkCount, entries } = imatrix;
  return { imatrix, facts: { file: basename(imatrixPath), datasets, chunkCount, tensors: new Set(entries.keys()) } };
}

export interface PlanRequest {
  readonly opened: OpenedModel;
  readonly target: QuantizeTarget;
  readonly format: OutputFormat | undefined;
  readonly options: QuantizeOptions;
  readonly imatrix: NamedImatrix | undefined;
  readonly version: string;
}

export interface Planned {
  readonly plan: QuantizationPlan;
  readonly calibration: CalibrationPlan | undefined;
}

/** Throws what makes it impossible: see `planQuantization` and `planCalibration`. */
export function planWork({ opened: { model }, target, format, options, imatrix, version }: PlanRequest): Planned {
  const plan = planQuantization({
    model,
    target,
    options,
    version,
    ...(format === undefined ? {} : { format }),
    ...(imatrix === undefined ? {} : { imatrix: imatrix.facts }),
  });
  return { plan, calibration: planCalibration(model, plan, { version, contextLength: options.calibrationContext }) };
}

export const planHandler =
  ({ version }: TensorContext): TensorHandlers['plan'] =>
  async ({ modelPath, name, target, format, options }): Promise<QuantizePlan> => {
    const parsed = parseTarget(target);
    const imatrix = await openImatrix(options);
    await using opened = await openQuantizable(modelPath, name ?? basename(modelPath));
    const { plan, calibration } = planWork({ opened, target: parsed, format, options, imatrix, version });
    return {
      target: plan.target,
      format: plan.output.format,
      sizeBytes: plan.sizeBytes,
      bitsPerWeight: plan.bitsPerWeight,
      memoryBytes: plan.memoryBytes + (calibration?.memoryBytes ?? 0),
      scratchBytes: calibration?.working?.sizeBytes ?? 0,
      calibrationPasses: calibration?.passes.length ?? 0,
      warnings: [...plan.warnings],
      tensors: plan.tensors.map(({ name, layer, shape, from, to, sizeBytes, why }) => ({
        name,
        layer,
        shape: [...shape],
        from,
        to,
        sizeBytes,
        why,
      })),
    };
  };

export const recipesHandler =
  ({ version }: TensorContext): TensorHandlers['recipes'] =>
  async ({ modelPath, name, options }): Promise<Recipe[]> => {
    const imatrix = await openImatrix(options);
    await using opened = await openQuantizable(modelPath, name ?? basename(modelPath));
    const recipes = quantizeTargets.flatMap((target) =>
      formatsOf(target).map((format): Recipe => {
        const row = { target, format, sizeBytes: null, bitsPerWeight: null, needsImatrix: false, needsCalibration: false, problem: null };
        try {
          const { plan, calibration } = planWork({ opened, target, format, options, imatrix, version });
          return {
            ...row,
            sizeBytes: plan.sizeBytes,
            bitsPerWeight: plan.bitsPerWeight,
            needsImatrix: plan.tensors.some(({ needsImatrix }) => needsImatrix),
            needsCalibration: calibration !== undefined,
          };
        } catch (error) {
          if (error instanceof AppError) return { ...row, problem: toErrorData(error) };
          throw error;
        }
      }),
    );
    // What is impossible comes last.
    return recipes.toSorted((left, right) => (right.bitsPerWeight ?? 0) - (left.bitsPerWeight ?? 0));
  };
