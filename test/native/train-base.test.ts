import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { AppErrorData } from '#core/errors/index.ts';
import type { TrainableFamily } from '#core/training/families.ts';
import { loadNative } from '#engine/native.ts';
import type { TrainerOptions } from '#engine/native-train.ts';
import { errorOf } from '#test/expect-error.ts';
import { gguf, type GgufBytes } from '../core/gguf/bytes.ts';
import { writeFamilyModel } from '../engine/train/family-models.ts';

/** What the trainer's own reader refuses, should a file ever come to it that Lathe's reader of GGUF has not seen. */
const native = loadNative();
const folder = mkdtempSync(join(tmpdir(), 'lathe-train-base-'));
const path = join(folder, 'hostile.gguf');
let family: TrainableFamily;

beforeAll(async () => {
  family = await writeFamilyModel(native, join(folder, 'sound.gguf'), { family: 'llama', layers: 1 });
});

function open(bytes: GgufBytes, options: Partial<TrainerOptions> = {}): Promise<AppErrorData> {
  writeFileSync(path, bytes.done());
  const modules = [{ tensor: 'blk.0.attn_q.weight', rank: 2, scale: 1 }];
  return errorOf(native.openTrainer({ modelPath: path, family, device: 'CPU', threads: 1, maxTokens: 16, modules, ...options }));
}

const [F32, I32] = [0, 26];
const NAME = 'blk.0.attn_q.weight';

test.each([
  ['whose bytes are 2⁶⁴ and pass for none', [2n ** 62n]],
  ['whose bytes are 2⁶⁴ + 32 and pass for 32', [2n ** 62n + 8n]],
  ['without rows, of any width', [2n ** 50n, 0]],
  ['of rows that the file has not', [8, 5]],
])('a tensor %s does not lie in the file, streamed or not', async (_what, dimensions) => {
  for (const streaming of [false, true]) {
    const bytes = gguf().head(1, 0).tensor(NAME, dimensions, F32, 0).pad().zeros(128);
    expect(await open(bytes, { streaming })).toMatchObject({ code: 'train.badModel' });
  }
});

test('numbers that are no floats are refused where they should be trained', async () => {
  const bytes = gguf().head(1, 0).tensor(NAME, [8, 4], I32, 0).pad().zeros(128);
  const error = await open(bytes, { modules: [], whole: [NAME] });
  expect(error).toMatchObject({ code: 'train.badModel', detail: `${NAME} holds no floats` });
});
