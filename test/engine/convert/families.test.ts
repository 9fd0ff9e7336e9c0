import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getLlama, LlamaLogLevel, type Llama, type Token } from 'node-llama-cpp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { elementCount } from '#core/element-count.ts';
import { goldenNames, plainVocabulary, readGolden, storedTensors } from '../../core/convert/golden.ts';
import { planConversion, type Conversion } from '../../core/convert/planned.ts';
import { convertTensor, encode, goldenWeights } from '../../core/convert/reference.ts';

/**
 * The proof of a conversion is that llama.cpp says what transformers says. The expected log-probabilities are transformers' own, from
 * the Hugging Face folder; llama.cpp runs the GGUF file that our plan describes.
 */
const golden = JSON.parse(readFileSync(new URL('../../golden/architectures/predictions.json', import.meta.url), 'utf8')) as {
  readonly prompt: readonly number[];
  readonly logProbabilities: Readonly<Record<string, readonly number[]>>;
};

const folder = mkdtempSync(join(tmpdir(), 'lathe-families-'));
let llama: Llama;

beforeAll(async () => {
  llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error });
});
afterAll(async () => {
  await llama.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Tokens that look like a byte-level vocabulary to the loader; the prompt is given as ids. */
function vocabulary(size: number) {
  const tokens = Array.from({ length: size }, (_, i) => (i < 94 ? String.fromCharCode(33 + i) : `<${i}>`));
  return { ...plainVocabulary(size), tokens, specialIds: { bos: size - 2, eos: size - 1 } };
}

function plan(name: string): Conversion {
  const made = readGolden(name);
  return planConversion({ config: made.config, tensors: storedTensors(made), vocabulary: vocabulary(96), name, target: 'F32' });
}

function write(name: string, { header, tensors, totalBytes }: Conversion): string {
  const bytes = new Map(
    readGolden(name).sources.map(([tensor, dtype, shape]) => [tensor, encode(goldenWeights(tensor, elementCount(shape)), dtype)]),
  );
  const file = new Uint8Array(totalBytes);
  file.set(header);
  for (const tensor of tensors)
    file.set(
      convertTensor(tensor, (source) => bytes.get(source) ?? new Uint8Array()),
      tensor.offset,
    );
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, file);
  return path;
}

/** llama.cpp's likeliest next tokens with their log-probabilities, made to sum to one among themselves. */
async function predict(modelPath: string): Promise<Map<number, number>> {
  await using model = await llama.loadModel({ modelPath, useMmap: false });
  await using context = await model.createContext({ contextSize: 64, sequences: 1, threads: 1 });
  const tokens = golden.prompt as readonly Token[];
  const last = tokens.length - 1;
  const results = await context
    .getSequence()
    .controlledEvaluate(
      tokens.map((token, i) => (i === last ? [token, { generateNext: { probabilities: true, options: { temperature: 1 } } }] : token)),
    );
  const probabilities = results[last]?.next.probabilities ?? new Map<Token, number>();
  const sum = [...probabilities.values()].reduce((left, right) => left + right, 0);
  return new Map([...probabilities].map(([token, probability]) => [token, Math.log(probability / sum)]));
}

/** The largest difference from transformers, as a share of the range that transformers' log-probabilities span. */
function deviation(predicted: ReadonlyMap<number, number>, name: string): number {
  const expected = golden.logProbabilities[name] ?? [];
  const listed = [...predicted.keys()].map((token) => expected[token] ?? NaN);
  const sum = Math.log(listed.reduce((left, right) => left + Math.exp(right), 0));
  const range = Math.max(...expected) - Math.min(...expected);
  return Math.max(...[...predicted.values()].map((value, i) => Math.abs(value - ((listed[i] ?? NaN) - sum)))) / range;
}

/** Half-precision tables of llama.cpp's CPU code and its F16 cache: 0.0001 to 0.001. Qwen 2's yarn settings, which the loader ignores: 0.003. */
const TOLERANCE = 0.01;

describe('llama.cpp on our files against transformers on the originals', () => {
  it.each(goldenNames)('predicts the same token after the same prompt: %s', async (name) => {
    const predicted = await predict(write(name, plan(name)));
    expect(predicted.size).toBeGreaterThan(10);
    expect(deviation(predicted, name)).toBeLessThan(TOLERANCE);
  });

  it.each(['llama-tied', 'mistral', 'smollm3'])('would differ without the permutation of query and key rows: %s', async (name) => {
    const right = plan(name);
    const wrong = right.tensors.map(({ source, ...tensor }) => ({
      ...tensor,
      source:
        source.kind === 'stored' && source.transform.kind === 'permuteRows' ? { ...source, transform: { kind: 'none' as const } } : source,
    }));
    expect(deviation(await predict(write(name, { ...right, tensors: wrong })), name)).toBeGreaterThan(TOLERANCE);
  });
});
