import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobSpec } from '#contract/jobs.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { nodeHost } from '#main/host.ts';
import { openLog } from '#main/log.ts';
import { openServices } from '#main/services.ts';
import { fakeEngines, untilAborted } from '../support/fake-engines.ts';

/**
 * A program that begins a quantization which never ends by itself, after so many finished tensors: `program.ts HOME MODEL
 * OUTPUT FINISHED`. Prints the job's id when it runs.
 */
const [, , home = '', model = '', outputPath = '', finished = '0'] = process.argv;
const engines = fakeEngines();
engines.instead.tensor.quantize = async function* (input, { signal }) {
  writeFileSync(`${input.outputPath}.partial`, 'half');
  writeFileSync(`${input.outputPath}.partial.journal`, `{"version":1}\n${'{"tensor":"a"}\n'.repeat(Number(finished))}`);
  writeFileSync(join(input.scratchFolder, 'working.gguf'), 'half');
  yield { type: 'progress', phase: 'quantize.writing', detail: null, amount: 40, total: 100, unit: 'bytes' };
  await untilAborted(signal);
};
const { handlers } = openServices({ home, host: nodeHost('cli', {}), engines, log: openLog({ folder: home }) });
const context = { signal: new AbortController().signal };
const { id: modelId } = await handlers.library.find({ reference: model }, context);
const options = quantizeOptions.parse({});
const spec: JobSpec = { kind: 'quantize', modelId, target: 'Q8_0', outputPath, options, quality: null };
const { id } = await handlers.jobs.start({ spec }, context);
for (;;) {
  const job = (await handlers.jobs.list({}, context)).find((other) => other.id === id);
  if (job?.phase === 'quantize.writing') break;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
process.stdout.write(`${id}\n`);
// Alive until it is killed.
setInterval(() => undefined, 1000);
