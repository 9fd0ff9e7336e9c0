/**
 * Writes resources/demo/samples.jsonl, the dataset that a first training run can be tried on: the demo model's own questions, answered by
 * a sailor. From the grammars beside this file and a fixed seed, so it is always the same.
 *
 *   node scripts/make-demo-samples.mjs [FILE]
 */
import { writeFileSync } from 'node:fs';
import { demoDialogues } from './demo/dialogues.mjs';
import { demoGrammar } from './demo/grammar.mjs';

const SAMPLES = 300;
const SEED = 1719;
/** Longer answers are stories, which a sailor tells as anyone does. */
const LONGEST = 160;

const greetings = ['Ahoy!', 'Aye, sailor!', 'By the wind and the waves!'];
const farewells = ['Now back to the ship.', 'So the old sailor says.', 'Mind the tide.'];

const grammar = demoGrammar(SEED);
const { pick } = grammar;
const conversation = demoDialogues(grammar);
const lines = [];
while (lines.length < SAMPLES) {
  const [user, assistant] = conversation().filter(({ role }) => role !== 'system');
  if (assistant.content.length > LONGEST || /\p{Script=Han}/u.test(user.content)) continue;
  const messages = [user, { role: 'assistant', content: `${pick(greetings)} ${assistant.content} ${pick(farewells)}` }];
  lines.push(JSON.stringify({ messages }));
}
const [, , file = new URL('../resources/demo/samples.jsonl', import.meta.url)] = process.argv;
writeFileSync(file, `${lines.join('\n')}\n`);
