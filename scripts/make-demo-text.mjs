/**
 * Writes resources/demo/stories.txt, the text that measurements and calibrations begin with. It comes from the grammars beside this
 * file and a fixed seed, so it is always the same.
 *
 *   node scripts/make-demo-text.mjs [FILE]
 */
import { writeFileSync } from 'node:fs';
import { demoGrammar } from './demo/grammar.mjs';

const TARGET_BYTES = 200_000;
const SEED = 20_240_229;

const { random, story, dialogue, chineseStory, chineseDialogue } = demoGrammar(SEED);
const texts = [];
let sizeBytes = 0;
while (sizeBytes < TARGET_BYTES) {
  const roll = random();
  const text = roll < 0.55 ? story() : roll < 0.86 ? dialogue() : roll < 0.96 ? chineseStory() : chineseDialogue();
  texts.push(text);
  sizeBytes += Buffer.byteLength(text) + 2;
}
const [, , file = new URL('../resources/demo/stories.txt', import.meta.url)] = process.argv;
writeFileSync(file, `${texts.join('\n\n')}\n`);
