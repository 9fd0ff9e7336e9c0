import { ggufNumber, ggufString } from '#core/gguf/header.ts';
import { readGguf } from '#core/gguf/read.ts';
import { planWorkingModel } from '#core/quantize/calibration-plan.ts';
import { openFileSource } from '../file-source.ts';
import type { OpenedModel } from '../quantize/open-model.ts';
import { ggufPath, makeWorkingModel, type WorkingModel, type WorkingModelOptions } from '../quantize/working-model.ts';

/** llama.cpp's own least: below, a window has nothing to predict from. */
const LEAST_CONTEXT = 8;

/** The model as a file that llama.cpp runs: itself, or a working copy of floats where it is a folder. */
export async function runnable(
  opened: OpenedModel,
  version: string,
  options: Omit<WorkingModelOptions, 'opened' | 'plan'>,
): Promise<WorkingModel> {
  if (opened.sourceFolder === undefined) return { path: ggufPath(opened), [Symbol.asyncDispose]: () => Promise.resolve() };
  return makeWorkingModel({ ...options, opened, plan: planWorkingModel(opened.model, version) });
}

/** A context length that all of the models were trained on: the one that is asked for, or the shortest of theirs. */
export async function trainedContext(asked: number, paths: readonly string[]): Promise<number> {
  let length = asked;
  for (const path of paths) {
    await using source = await openFileSource(path);
    const header = await readGguf(source);
    const architecture = ggufString(header, 'general.architecture') ?? '';
    length = Math.min(length, ggufNumber(header, `${architecture}.context_length`) ?? length);
  }
  return Math.max(length, LEAST_CONTEXT);
}
