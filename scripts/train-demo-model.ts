/**
 * Makes the demo model again: resources/demo/model. A small Llama, trained from scratch by Lathe's own trainer on texts of the grammars
 * in scripts/demo, on the processor: ten to twenty minutes on two cores. The same on every computer but for the processor's rounding.
 *
 *   npm run demo-model [-- STEPS]
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { demoFromText, demoShape } from '#core/demo/from-text.ts';
import { memorySource } from '#core/byte-source.ts';
import { readGguf } from '#core/gguf/read.ts';
import { learningRateAt } from '#core/training/schedule.ts';
import { trainableFamily } from '#core/training/families.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { loadNative } from '#engine/native.ts';
import { demoDialogues, demoSayings } from './demo/dialogues.mjs';
import { demoGrammar } from './demo/grammar.mjs';
import { toGguf, writeTrained } from './demo/weights.ts';

const SEED = 2026;
const ROW = 256;
const ROWS_PER_STEP = 8;
const LEARNING_RATE = 4e-3;
/** To be split into tokens in one go. */
const TEXTS_AT_ONCE = 64;
const steps = Number(process.argv[2] ?? 1800);

const native = loadNative();
const grammar = demoGrammar(SEED);
const { random, story, dialogue, chineseStory, chineseDialogue } = grammar;
const conversation = demoDialogues(grammar);
const plainText = (): string => {
  const roll = random();
  return roll < 0.6 ? story() : roll < 0.8 ? dialogue() : roll < 0.95 ? chineseStory() : chineseDialogue();
};
/** As the model's own template writes it. */
const rendered = (): string =>
  conversation()
    .map(({ role, content }) => `<|im_start|>${role}\n${content}<|im_end|>\n`)
    .join('');

const folder = await mkdtemp(join(tmpdir(), 'lathe-demo-model-'));
try {
  const text = [...Array.from({ length: 1200 }, plainText), ...Array.from({ length: 6 }, () => demoSayings.join('\n'))].join('\n\n');
  const untrained = join(folder, 'untrained');
  const model = demoFromText({ ...demoShape, text, seed: SEED, dtype: 'F32' });
  await writeHfFolder(model, untrained);
  const modelPath = join(folder, 'untrained.gguf');
  await toGguf(native, untrained, modelPath);
  const header = await readGguf(memorySource(await readFile(modelPath)));
  const family = trainableFamily(header, ROW);
  const trainer = await native.openTrainer({
    modelPath,
    family,
    device: 'CPU',
    threads: 1,
    maxTokens: ROW,
    modules: [],
    whole: header.tensors.map(({ name }) => name),
    checkpointing: false,
    seed: SEED,
  });
  console.log(`${(model.weights.totalBytes / 4e6).toFixed(2)} M parameters, ${family.vocabulary} tokens`);

  let waiting: number[] = [];
  /** Whole texts one after the other; what is cut off at the end of a row begins the next. */
  const nextRow = async () => {
    while (waiting.length < ROW + 1) {
      const texts = Array.from({ length: TEXTS_AT_ONCE }, () => `<|bos|>${random() < 0.65 ? rendered() : `${plainText()}<|eos|>`}`);
      waiting = [...waiting, ...(await native.tokenize({ modelPath, text: texts.join(''), parseSpecial: true }))];
    }
    const [row, next] = [waiting.slice(0, ROW), waiting.slice(1, ROW + 1)];
    waiting = waiting.slice(ROW);
    return {
      tokens: Int32Array.from(row),
      positions: Int32Array.from(row.keys()),
      segments: new Int32Array(ROW),
      labels: Int32Array.from(next),
      weights: new Float32Array(ROW).fill(1),
    };
  };
  const schedule = { kind: 'cosine', learningRate: LEARNING_RATE, totalSteps: steps, warmupSteps: Math.round(steps / 30) } as const;
  let sum = { loss: 0, weight: 0, correct: 0 };
  const startMs = performance.now();
  for (let step = 0; step < steps; step++) {
    for (let i = 0; i < ROWS_PER_STEP; i++) {
      const { lossSum, weightSum, correct } = await trainer.accumulate(await nextRow());
      sum = { loss: sum.loss + lossSum, weight: sum.weight + weightSum, correct: sum.correct + correct };
    }
    const { gradNorm } = await trainer.update({
      optimizer: 'adamw',
      learningRate: learningRateAt(schedule, step),
      beta2: 0.98,
      weightDecay: 0.05,
      maxGradNorm: 1,
      gradientScale: 1 / (ROW * ROWS_PER_STEP),
    });
    if ((step + 1) % 50 === 0 || step + 1 === steps) {
      const seconds = (performance.now() - startMs) / 1000;
      const rate = Math.round(((step + 1) * ROW * ROWS_PER_STEP) / seconds);
      console.log(
        `${step + 1}/${steps}  loss ${(sum.loss / sum.weight).toFixed(4)}  accuracy ${(sum.correct / sum.weight).toFixed(3)}  gradient ${gradNorm.toFixed(2)}  ${rate} tokens/s`,
      );
      sum = { loss: 0, weight: 0, correct: 0 };
    }
  }
  const target = fileURLToPath(new URL('../resources/demo/model', import.meta.url));
  await rm(target, { recursive: true, force: true });
  await writeTrained(model, trainer, target);
  await writeFile(join(target, 'README.md'), readme(steps));
  trainer.close();
  console.log(`Written to ${target}.`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

function readme(made: number): string {
  return `# Lathe's demo model

Trained from scratch by Lathe's own trainer on texts of small grammars written for it (scripts/demo), ${made} steps of ${ROW * ROWS_PER_STEP} tokens.
\`npm run demo-model\` makes it again. It comes under Lathe's licence.
`;
}
