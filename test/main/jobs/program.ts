import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobSpec } from '#contract/jobs.ts';
import { quantizeOptions } from '#contract/quantize.ts';
import { nodeHost } from '#main/host.ts';
import { openLog } from '#main/log.ts';
import { openServices } from '#main/services.ts';
import { fakeEngines, untilAborted } from '../support/fake-engines.ts';

/**
 * A program that begins a conversion or quantization which never ends by itself: `program.ts HOME MODEL OUTPUT KIND`. Prints
 * the job's id when it runs.
 */
const [, , home = '', model = '', outputPath = '', kind = ''] = process.argv;
const engines = fakeEngines();
engines.instead.tensor.convert = async function* (input, { signal }) {
  writeFileSync(`${input.outputPath}.partial`, 'half');
  yield { type: 'progress', phase: 'convert.writing', detail: null, amount: 40, total: 100, unit: 'bytes' };
  await untilAborted(signal);
};
engines.instead.tensor.quantize = async function* (input, { signal }) {
  writeFileSync(`${input.outputPath}.partial`, 'half');
  writeFileSync(`${input.outputPath}.partial.journal`, '{"version":1}\n{"tensor":"a"}\n{"tensor":"b"}\n');
  writeFileSync(join(input.scratchFolder, 'working.gguf'), 'half');
  yield { type: 'progress', phase: 'quantize.writing', detail: null, amount: 40, total: 100, unit: 'bytes' };
  await untilAborted(signal);
};
const { handlers } = openServices({ home, host: nodeHost('cli', {}), engines, log: openLog({ folder: home }) });
const context = { signal: new AbortController().signal };
const { id: modelId } = await handlers.library.find({ reference: model }, context);
const common = { modelId, outputPath };
const spec: JobSpec =
  kind === 'quantize'
    ? { kind: 'quantize', target: 'Q8_0', options: quantizeOptions.parse({}), quality: null, ...common }
    : { kind: 'convert', target: 'f16', ...common };
const { id } = await handlers.jobs.start({ spec }, context);
for (;;) {
  const job = (await handlers.jobs.list({}, context)).find((other) => other.id === id);
  if (job?.phase?.endsWith('.writing') === true) break;
  await new Promise((resolve) => setTimeout(resolve, 10));
}
process.stdout.write(`${id}\n`);
// Alive until it is killed.
setInterval(() => undefined, 1000);
