// A process for one quantization, so that its peak memory is its own: `child.ts MODEL OUTPUT TARGET THREADS` prints one line of JSON.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { planQuantization } from '#core/quantize/planner.ts';
import type { QuantizeTarget } from '#core/quantize/targets.ts';
import { executeQuantization } from '#engine/quantize/execute.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { loadNative } from '#engine/native.ts';
import { peakBytes } from './peak.ts';

const [source = '', outputPath = '', target = '', threads = ''] = parseArgs({ allowPositionals: true }).positionals;
const kernels = loadNative();
const before = process.cpuUsage();
const startMs = performance.now();
await using opened = await openQuantizable(source, basename(source));
const plan = planQuantization({ model: opened.model, target: target as QuantizeTarget, version: '0' });
await executeQuantization({
  plan,
  sources: opened.sources,
  sourceFolder: opened.sourceFolder,
  outputPath,
  kernels,
  threads: Number(threads),
  signal: new AbortController().signal,
  progress: () => undefined,
});
const seconds = (performance.now() - startMs) / 1000;
const { user, system } = process.cpuUsage(before);
const cpuSeconds = (user + system) / 1e6;
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds, peakBytes: await peakBytes() })}\n`);
