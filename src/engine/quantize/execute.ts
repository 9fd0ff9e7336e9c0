import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, type AppErrorData } from '#core/errors/index.ts';
import { onDisk } from '#core/errors/on-disk.ts';
import { planGguf } from '#core/gguf/write.ts';
import { inModelOrder } from '#core/quantize/calibration-plan.ts';
import type { Imatrix } from '#core/quantize/imatrix.ts';
import type { PackedGptq, SourceTensor } from '#core/quantize/packed.ts';
import type { Place, QuantizationPlan, QuantizedTensor } from '#core/quantize/plan.ts';
import { checkSources } from '../convert/read-chunk.ts';
import { openFileSource, type FileSource } from '../file-source.ts';
import type { ErrorSum } from '../native-quantize.ts';
import type { CastCounts } from '../native.ts';
import type { Calibration } from './calibration.ts';
import { Work, type WorkKernels } from './carry-out.ts';
import type { ValueEdits } from './edit.ts';
import type { FinishedTensor } from './journal.ts';
import { PartialOutput, type OutputFilePlan } from './partial-output.ts';
import { verifyWeights, type PlannedWeights } from './verify.ts';

export interface ExecuteOptions {
  readonly plan: QuantizationPlan;
  /** The weight files, by the names that the plan's sources have; a folder's other files lie beside them. */
  readonly sources: ReadonlyMap<string, FileSource>;
  /** Of a Hugging Face model. */
  readonly sourceFolder?: string | undefined;
  /** A file for GGUF, else a folder. */
  readonly outputPath: string;
  readonly kernels: WorkKernels;
  readonly imatrix?: Imatrix | undefined;
  /** Needed where the plan says so. */
  readonly calibration?: Calibration | undefined;
  /** What the calibration rests on, its text for one: an interrupted work is only gone on with where this is the same. */
  readonly calibrationKey?: string | undefined;
  /** Changes to the values before they are encoded. What is changed is encoded: the plan copies none of it. */
  readonly edits?: ValueEdits | undefined;
  /** Default: as many as the computer has. */
  readonly threads?: number | undefined;
  readonly signal: AbortSignal;
  /** Values that are read and encoded at a time; a test makes it small. */
  readonly chunkElements?: number | undefined;
  /** Finished tensors survive a crash this much later, at most. Default: a second. */
  readonly syncMs?: number | undefined;
  /** Bytes of the tensors that are written of those of all, and the tensor that was last. */
  readonly progress: (doneBytes: number, totalBytes: number, tensor: string) => void;
  /** All is written; what follows is to bring it to the disk and to read it back. */
  readonly onWritten?: (() => void) | undefined;
}

/** How far a tensor is from what it was. */
export interface TensorError {
  readonly name: string;
  readonly to: string;
  /** ‖w − ŵ‖ / ‖w‖ */
  readonly relativeError: number;
}

export interface Executed extends CastCounts {
  readonly sizeBytes: number;
  /** Of every tensor that was quantized, in the order of the plan. */
  readonly tensors: readonly TensorError[];
  /** What was not known before. */
  readonly warnings: readonly AppErrorData[];
  /** Tensors that an earlier attempt had finished. */
  readonly resumed: number;
}

/**
 * Carry a quantization out: the file or folder appears at `outputPath` when it is complete and checked. Killed, it goes on
 * from the last finished tensor when it is asked for again; cancelled, too, where a tensor was finished. Failed, nothing
 * stays. Throws `quantize.*`, `convert.*`, `disk.*`, and the signal's reason.
 */
export async function executeQuantization(options: ExecuteOptions): Promise<Executed> {
  const { plan, sources, signal, calibration } = options;
  const needing = plan.tensors.filter(({ needsImatrix }) => needsImatrix);
  if (needing[0] !== undefined)
    throw new AppError('quantize.needsImatrix', { type: needing[0].to, tensor: needing[0].name, count: needing.length });
  if (plan.needsCalibration && calibration === undefined) throw new RangeError('this plan needs a calibration');
  const layout = layOut(plan);
  const output = await PartialOutput.open({
    path: options.outputPath,
    isFolder: plan.output.format === 'hf',
    files: layout.files,
    plan: planHash(options, layout.files),
    syncMs: options.syncMs,
  });
  try {
    const finished = await makeTensors(options, output);
    if (plan.output.format === 'hf') await addTexts(plan.output, options, output);
    options.onWritten?.();
    await output.flush();
    await checkSources(sources);
    for (const [i, weights] of layout.weights.entries()) await verifyWeights(output.paths[i] ?? '', weights);
    signal.throwIfAborted();
    await output.publish();
    return summary(plan, finished, output.finished.length);
  } catch (error) {
    if (signal.aborted) {
      await output.leave();
      throw signal.reason;
    }
    await output.discard();
    // A file that got shorter while it was read is one that was changed.
    if (error instanceof RangeError) await checkSources(sources);
    throw error;
  }
}

/** The files of a plan as they are written, and as they are checked. */
function layOut({ output }: QuantizationPlan): { files: readonly OutputFilePlan[]; weights: readonly PlannedWeights[] } {
  if (output.format === 'gguf') {
    const { header, totalBytes, tensors } = planGguf(output);
    return { files: [{ name: '', header, totalBytes }], weights: [{ format: 'gguf', totalBytes, tensors }] };
  }
  const files = output.weights.map(({ fileName, header, totalBytes }) => ({ name: fileName, header, totalBytes }));
  const weights = output.weights.map(({ totalBytes, tensors }): PlannedWeights => {
    const typed = tensors.map((tensor) => ({ ...tensor, type: tensor.dtype }));
    return { format: 'safetensors', totalBytes, tensors: typed };
  });
  return { files, weights };
}

/** What decides every byte of the output: only an attempt at the same may be gone on with. */
function planHash({ plan, sources, imatrix, calibrationKey, edits }: ExecuteOptions, files: readonly OutputFilePlan[]): string {
  const hash = createHash('sha256');
  for (const { name, header } of files) hash.update(name).update(header);
  for (const { name, sizeBytes, modifiedMs } of sources.values()) hash.update(JSON.stringify([name, sizeBytes, modifiedMs]));
  for (const { name, encoder, places } of plan.tensors) hash.update(JSON.stringify([name, encoder, places]));
  for (const [name, { squares, counts }] of imatrix?.entries ?? []) hash.update(name).update(squares).update(counts);
  if (edits !== undefined) hash.update(JSON.stringify([edits.key, [...edits.of.keys()]]));
  return hash.update(calibrationKey ?? '').digest('hex');
}

async function makeTensors(options: ExecuteOptions, output: PartialOutput): Promise<ReadonlyMap<string, FinishedTensor>> {
  const { plan, progress, calibration } = options;
  const finished = new Map(output.finished.map((tensor) => [tensor.tensor, tensor]));
  const total = plan.tensors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const before = plan.tensors.reduce((sum, { name, sizeBytes }) => sum + (finished.has(name) ? sizeBytes : 0), 0);
  const work = new Work({
    ...options,
    output,
    threads: options.threads ?? availableParallelism(),
    progress: (doneBytes, tensor) => progress(before + doneBytes, total, tensor),
  });
  const isCalibrated = ({ encoder }: QuantizedTensor): boolean => encoder.kind === 'gptq';
  // What needs no calibration first: then the rest goes through the model from its beginning to its end.
  const others = plan.tensors.filter((tensor) => !isCalibrated(tensor));
  const calibrated = inModelOrder(plan.tensors.filter(isCalibrated), ({ encoder, name }) =>
    encoder.kind === 'gptq' ? encoder.hessian : name,
  );
  if (calibration?.replace !== undefined)
    for (const [place, tensor] of calibrated.entries()) if (finished.has(tensor.name)) await replay(tensor, plan, output, work, place);
  const left = [...others, ...calibrated].filter(({ name }) => !finished.has(name));
  for (const tensor of await work.make(left)) finished.set(tensor.tensor, tensor);
  return finished;
}

/** What an earlier attempt made of a tensor, for the calibration of what comes after it. */
async function replay(tensor: QuantizedTensor, plan: QuantizationPlan, output: PartialOutput, work: Work, index: number): Promise<void> {
  const place = tensor.places['codes'];
  const path = output.paths[place?.file ?? 0];
  if (place === undefined || path === undefined) throw new RangeError(`${tensor.name} has no place (${index})`);
  await using source = await openFileSource(path);
  await work.replay(tensor, writtenTensor(tensor, plan, source.name), source);
}

/** A finished tensor of GPTQ as one that can be read. */
function writtenTensor({ name, shape, places, encoder }: QuantizedTensor, { output }: QuantizationPlan, shard: string): SourceTensor {
  if (encoder.kind !== 'gptq') throw new RangeError(`${name} is not calibrated`);
  const at = (part: string): Place => places[part] ?? { file: 0, offset: 0, sizeBytes: 0 };
  const stored = { name, dtype: 'F32' as const, shape, ...at('codes'), shard };
  if (encoder.exact !== null) return { ...stored, packed: { kind: 'ggml', type: encoder.exact } };
  if (output.format !== 'hf') throw new RangeError(`${name} is in no folder`);
  const byOffset = new Map(output.weights[at('codes').file]?.tensors.map((tensor) => [tensor.offset, tensor]));
  const part = (part: string): PackedGptq['qweight'] => {
    const found = byOffset.get(at(part).offset);
    if (found === undefined) throw new RangeError(`${name} has no ${part}`);
    return { ...found, shard };
  };
  const { bits, groupSize, checkpointFormat } = encoder.settings;
  const scales = part('scales');
  const packed: PackedGptq = {
    kind: 'gptq',
    bits,
    groupSize,
    zeroOffset: checkpointFormat === 'gptq' ? 1 : 0,
    groups: scales.shape[0] ?? 1,
    qweight: part('codes'),
    qzeros: part('zeros'),
    scales,
    groupIndex: part('groupIndex'),
  };
  return { ...stored, packed };
}

/** The small files of a folder. */
async function addTexts(
  planned: Extract<QuantizationPlan['output'], { format: 'hf' }>,
  { sourceFolder }: ExecuteOptions,
  output: PartialOutput,
): Promise<void> {
  for (const { name, text } of planned.texts) await output.addFile(name, new TextEncoder().encode(text));
  for (const { name, sizeBytes } of planned.copied) {
    if (sourceFolder === undefined) throw new RangeError('a folder of which nothing is known');
    const path = join(sourceFolder, ...name.split('/'));
    const bytes = await onDisk(path, () => readFile(path));
    if (bytes.byteLength !== sizeBytes) throw new AppError('disk.changed', { file: name });
    await output.addFile(name, bytes);
  }
}

const relativeError = ({ error, norm }: ErrorSum): number => (norm === 0 ? 0 : Math.sqrt(error / norm));

function summary(plan: QuantizationPlan, finished: ReadonlyMap<string, FinishedTensor>, resumed: number): Executed {
  const all = [...finished.values()];
  const fellBack = all.filter((tensor) => tensor.fellBack);
  const tensors = plan.tensors.flatMap(({ name, to }): TensorError[] => {
    const error = finished.get(name)?.error;
    return error === null || error === undefined ? [] : [{ name, to, relativeError: relativeError(error) }];
  });
  return {
    sizeBytes: plan.sizeBytes,
    tensors,
    nonFinite: all.reduce((sum, { nonFinite }) => sum + nonFinite, 0),
    overflowed: all.reduce((sum, { overflowed }) => sum + overflowed, 0),
    warnings:
      fellBack[0] === undefined
        ? []
        : [{ code: 'quantize.roundedToNearest', params: { tensor: fellBack[0].tensor, count: fellBack.length } }],
    resumed,
  };
}
