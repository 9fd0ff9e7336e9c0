import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openTrainer } from '../trainer-client.ts';

/** A program that trains, to be killed: `program.ts MODEL DATA FOLDER`. Prints each step, and `done` at the end. */
const [, , modelPath = '', dataPath = '', runFolder = ''] = process.argv;
const outputPath = join(runFolder, 'adapter');
// What an interrupted end left, which main takes away.
for (const path of [outputPath, `${outputPath}.gguf`]) await rm(path, { recursive: true, force: true });
const events = openTrainer().run({
  modelPath,
  baseName: 'tiny',
  dataPath,
  columns: {},
  settings: {
    r: 4,
    lora_alpha: 8,
    lora_dropout: 0.1,
    learning_rate: 0.01,
    max_length: 128,
    max_steps: 120,
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 1,
    eval_split: 0.2,
    eval_steps: 7,
    save_steps: 2,
    logging_steps: 3,
  },
  adapterPath: null,
  runFolder,
  outputPath,
  device: 'CPU',
  threads: 1,
  scratchFolder: join(runFolder, 'scratch'),
});
for await (const event of events) {
  if (event.type === 'checkpoint') process.stdout.write(`${event.checkpoint.step}\n`);
  if (event.type === 'finished') process.stdout.write('done\n');
}
