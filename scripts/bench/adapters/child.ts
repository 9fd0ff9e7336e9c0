// A process for one merge, so that its peak memory is its own: `child.ts MODEL ADAPTER OUTPUT TARGET THREADS` prints one line of JSON.
// TARGET `same`: every tensor in the type that it has.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { formatsOf, parseTarget } from '#core/quantize/targets.ts';
import { executeMerge, prepareMerge } from '#engine/lora/merge.ts';
import { openAdapter } from '#engine/lora/open-adapter.ts';
import { loadNative } from '#engine/native.ts';
import { openQuantizable } from '#engine/quantize/open-model.ts';
import { peakBytes } from '../quantize/peak.ts';

const [source = '', adapterPath = '', outputPath = '', target = '', threads = ''] = parseArgs({ allowPositionals: true }).positionals;
const kernels = loadNative();
const { signal } = new AbortController();
const before = process.cpuUsage();
const startMs = performance.now();
await using base = await openQuantizable(source, basename(source));
await using opened = await openAdapter(adapterPath, 'adapter');
const asked = target === 'same' ? undefined : parseTarget(target);
const format = asked === undefined ? 'hf' : (formatsOf(asked)[0] ?? 'gguf');
const prepared = await prepareMerge(base, [{ opened, weight: 1 }], { version: '0', target: asked, format }, signal);
await executeMerge({ prepared, outputPath, kernels, threads: Number(threads), signal, progress: () => undefined });
const seconds = (performance.now() - startMs) / 1000;
const { user, system } = process.cpuUsage(before);
const cpuSeconds = (user + system) / 1e6;
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds, peakBytes: await peakBytes() })}\n`);
