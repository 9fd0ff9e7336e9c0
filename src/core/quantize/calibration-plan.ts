import { GiB } from '../bytes.ts';
import { isQuantized } from '../gguf/types.ts';
import { elementCount } from '../element-count.ts';
import type { FloatType } from './encoder.ts';
import { isFloatDtype, type QuantizableModel } from './model.ts';
import { planQuantization } from './planner.ts';
import type { QuantizationPlan } from './plan.ts';

/** A tensor whose inputs a calibration looks at. */
export interface CalibratedTensor {
  /** In GGUF. */
  readonly name: string;
  readonly inputs: number;
}

/** How a model is run on a text while it is quantized. */
export interface CalibrationPlan {
  /** The tensors whose inputs are summed up together, in the order of the model. Each list is one pass of the text. */
  readonly passes: readonly (readonly CalibratedTensor[])[];
  /** The file of floats that is run in place of the model; undefined: the model itself is run, and only read. */
  readonly working: QuantizationPlan | undefined;
  /** Second moments of a pass, and as much again while they are handed over; and what the model says at each position. */
  readonly memoryBytes: number;
}

/** Second moments that are summed up in one pass: a layer of a 7B model takes 0.65 GiB (one of 11008², three of 4096²). */
const MOMENT_BYTES = GiB;

/** What shares its inputs stands together. */
const stages: readonly RegExp[] = [
  /\.attn_(q|k|v|qkv)\.weight$/,
  /\.attn_output\.weight$/,
  /\.ffn_(up|gate)\.weight$/,
  /\.ffn_down\.weight$/,
];

/** Where in the model a tensor computes; what follows no known stage comes last in its layer. */
function placeOf(name: string): { readonly layer: number; readonly stage: number } {
  const stage = stages.findIndex((pattern) => pattern.test(name));
  return { layer: Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? 0), stage: stage === -1 ? stages.length : stage };
}

/** Sorts tensors into the order in which a model computes. */
export function inModelOrder<T>(items: readonly T[], nameOf: (item: T) => string): readonly T[] {
  return items
    .map((item) => ({ ...placeOf(nameOf(item)), item }))
    .toSorted((left, right) => left.layer - right.layer || left.stage - right.stage)
    .map(({ item }) => item);
}

/** The same for tensors that share their inputs, and so their second moments. */
function inputsKey({ name, inputs }: CalibratedTensor): string {
  const { layer, stage } = placeOf(name);
  return stage === stages.length ? name : `${layer} ${stage} ${inputs}`;
}

const momentBytes = ({ inputs }: CalibratedTensor): number => 4 * inputs ** 2;

/**
 * Passes of the text. True-sequential takes one for each stage, since what comes after rests on it; else a pass takes as
 * many tensors as the limit allows.
 * @param limitBytes of second moments that are held at a time; one stage is taken whatever its size
 */
export function calibrationPasses(
  tensors: readonly CalibratedTensor[],
  { isSequential, limitBytes = MOMENT_BYTES }: { readonly isSequential: boolean; readonly limitBytes?: number },
): readonly (readonly CalibratedTensor[])[] {
  const passes: CalibratedTensor[][] = [];
  let bytes = 0;
  let latest = '';
  for (const tensor of inModelOrder(tensors, ({ name }) => name)) {
    const key = inputsKey(tensor);
    const isShared = key === latest;
    latest = key;
    const more = isShared ? 0 : momentBytes(tensor);
    const present = passes.at(-1);
    if (present !== undefined && (isShared || (!isSequential && bytes + more <= limitBytes))) {
      present.push(tensor);
      bytes += more;
    } else {
      passes.push([tensor]);
      bytes = more;
    }
  }
  return passes;
}

const passBytes = (pass: readonly CalibratedTensor[]): number =>
  [...new Map(pass.map((tensor) => [inputsKey(tensor), tensor])).values()].reduce((sum, tensor) => sum + momentBytes(tensor), 0);

/**
 * How a plan's model is run on a text, or undefined where it need not be. GPTQ needs the second moments of its tensors'
 * inputs. LLM.int8() runs it only to tell the outliers, where the model can be run at all.
 * @param contextLength tokens of a window
 * @throws what keeps a folder from being run as GGUF (tokenizer.*, model.*)
 */
export function planCalibration(
  model: QuantizableModel,
  plan: QuantizationPlan,
  { version, contextLength }: { readonly version: string; readonly contextLength: number },
): CalibrationPlan | undefined {
  const tensors: CalibratedTensor[] = [];
  let isSequential = false;
  for (const { encoder, shape } of plan.tensors) {
    if (encoder.kind !== 'gptq') continue;
    tensors.push({ name: encoder.hessian, inputs: shape.at(-1) ?? 1 });
    isSequential ||= encoder.settings.trueSequential;
  }
  if (tensors.length > 0) {
    const passes = calibrationPasses(tensors, { isSequential });
    const memoryBytes = 2 * Math.max(...passes.map(passBytes)) + logitBytes(model, contextLength);
    // True-sequential changes the weights that it runs, so they must be a copy.
    const working = model.folder !== undefined || isSequential ? planWorkingModel(model, version) : undefined;
    return { passes, working, memoryBytes };
  }
  if (plan.target !== 'int8' || 'code' in model.gguf) return undefined;
  const watched = outlierTensors(model, plan).map(({ ggufName, inputs }) => ({ name: ggufName, inputs }));
  return { passes: [watched], working: planWorkingModel(model, version), memoryBytes: logitBytes(model, contextLength) };
}

/** The largest part of running a model on a window: logits, once where they are computed and once where they are read. */
function logitBytes({ gguf }: QuantizableModel, contextLength: number): number {
  const tensors = 'code' in gguf ? [] : gguf.tensors;
  const vocabularySize = tensors.find(({ name }) => name === 'token_embd.weight')?.dimensions[1] ?? 0;
  return 2 * 4 * contextLength * vocabularySize;
}

/** The matrices of LLM.int8(), by both of their names. */
export function outlierTensors(
  { folder }: QuantizableModel,
  plan: QuantizationPlan,
): readonly { readonly name: string; readonly ggufName: string; readonly inputs: number }[] {
  const linears = new Map(folder?.tensors.map(({ name, linear }) => [name, linear]));
  return plan.tensors.flatMap(({ name, encoder }) => {
    const linear = linears.get(name);
    return encoder.kind !== 'int8' || linear === undefined ? [] : [{ name, ggufName: linear.ggufName, inputs: linear.inputs }];
  });
}

/** A model as a GGUF file of floats, in the type that most of it has: llama.cpp runs it, and it can be written to. */
export function planWorkingModel(model: QuantizableModel, version: string): QuantizationPlan {
  return planQuantization({ model, target: workingType(model), format: 'gguf', version });
}

/** The type that most of a model has as floats. */
export function workingType({ folder, gguf }: QuantizableModel): FloatType {
  if (folder !== undefined) return folder.dtype;
  const counts = { F32: 0, F16: 0, BF16: 0 };
  if (!('code' in gguf))
    for (const { type, dimensions } of gguf.tensors) {
      // What is coded is decoded to half precision: it holds every scale, and twice the digits of a code.
      const float = isQuantized(type) ? 'F16' : type;
      if (isFloatDtype(float)) counts[float] += elementCount(dimensions);
    }
  return (Object.keys(counts) as FloatType[]).reduce((best, each) => (counts[each] > counts[best] ? each : best));
}
