import { cpus, totalmem } from 'node:os';
import type { BenchmarkContext, BenchmarkHandlers } from './context.ts';

/** Cards that can train. */
export const devicesHandler =
  ({ native }: BenchmarkContext): BenchmarkHandlers['devices'] =>
  async () => {
    const { devices } = (await native(true)).systemInfo();
    const cards = devices.filter(({ kind }) => kind === 'gpu' || kind === 'integratedGpu');
    return { devices: cards.map(({ name, description, totalBytes }) => ({ name, description, memoryBytes: totalBytes })) };
  };

/** What is free on each card now. */
export const cardsHandler =
  ({ native }: BenchmarkContext): BenchmarkHandlers['cards'] =>
  async () => {
    const { devices } = (await native(true)).systemInfo();
    const cards = devices.filter(({ kind }) => kind === 'gpu' || kind === 'integratedGpu');
    return {
      cards: cards.map(({ description, backend, totalBytes, freeBytes, kind }) => ({
        name: description,
        backend,
        totalBytes,
        // Some drivers tell no budget.
        freeBytes: Math.min(freeBytes, totalBytes),
        unified: kind === 'integratedGpu',
      })),
    };
  };

/** The computer as llama.cpp sees it. */
export const environmentHandler =
  ({ native, version }: BenchmarkContext): BenchmarkHandlers['environment'] =>
  async () => {
    const kernels = await native(true);
    const { devices, llama } = kernels.systemInfo();
    const cores = cpus();
    const processor = cores[0]?.model.trim() || process.arch;
    const cards = devices
      .filter(({ kind }) => kind === 'gpu' || kind === 'integratedGpu')
      .map(({ description, totalBytes }) => ({ name: description, memoryBytes: totalBytes }));
    const limit = process.constrainedMemory();
    return {
      name: [processor, ...cards.map((card) => card.name)].join(' · '),
      processor,
      cores: cores.length,
      memoryBytes: limit > 0 && limit < totalmem() ? limit : totalmem(),
      platform: `${process.platform} ${process.arch}`,
      devices: cards,
      features: llama.trim(),
      versions: { lathe: version, node: process.versions.node, 'llama.cpp': kernels.versions.release, ggml: kernels.versions.ggml },
    };
  };
