import { writeFileSync } from 'node:fs';
import { nodeHost } from '#main/host.ts';
import { openLog } from '#main/log.ts';
import { openServices } from '#main/services.ts';
import { fakeEngines, untilAborted } from '../support/fake-engines.ts';

/** A program that begins a conversion which never ends by itself: `program.ts HOME MODEL OUTPUT`. Prints the job's id when it runs. */
const [, , home = '', model = '', outputPath = ''] = process.argv;
const engines = fakeEngines();
engines.instead.tensor.convert = async function* (input, { signal }) {
  writeFileSync(`${input.outputPath}.partial`, 'half');
  yield { type: 'progress', phase: 'convert.writing', detail: null, amount: 40, total: 100, unit: 'bytes' };
  await untilAborted(signal);
};
const { handlers } = openServices({ home, host: nodeHost('cli', {}), engines, log: openLog({ folder: home }) });
const context = { signal: new AbortController().signal };
const { id: modelId } = await handlers.library.find({ reference: model }, context);
const { id } = await handlers.jobs.start({ spec: { kind: 'convert', modelId, target: 'f16', outputPath } }, context);
for (;;) {
  const job = (await handlers.jobs.list({}, context)).find((other) => other.id === id);
  if (job?.phase === 'convert.writing') break;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
process.stdout.write(`${id}\n`);
// Alive until it is killed.
setInterval(() => undefined, 1000);
