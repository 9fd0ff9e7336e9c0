import { basename } from 'node:path';
import { executeQuantization } from '#engine/quantize/execute.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { planQuantization } from '#core/quantize/planner.ts';
import { loadNative } from '#engine/native.ts';

/** A program that quantizes a model and is killed while it does: after each tensor it says so, and waits a little. */
const [source = '', outputPath = ''] = process.argv.slice(2);
const native = loadNative();
await using opened = await openQuantizable(source, basename(source));
const plan = planQuantization({ model: opened.model, target: 'Q4_K_M', version: '1.2.3' });
const ggmlQuantize: typeof native.ggmlQuantize = async (...values) => {
  await new Promise((resolve) => setTimeout(resolve, 30));
  return native.ggmlQuantize(...values);
};
await executeQuantization({
  plan,
  sources: opened.sources,
  outputPath,
  kernels: { ...native, ggmlQuantize },
  signal: new AbortController().signal,
  syncMs: 0,
  progress: (_done, _total, tensor) => process.stdout.write(`${tensor}\n`),
});
process.stdout.write('finished\n');
