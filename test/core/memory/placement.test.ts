import { describe, expect, test } from 'vitest';
import { MiB } from '#core/bytes.ts';
import { estimateInference, type AmountKind, type DeviceEstimate } from '#core/memory/inference.ts';
import { placeLayers } from '#core/memory/placement.ts';

const model = {
  facts: {
    architecture: 'llama',
    layerCount: 32,
    embeddingLength: 4096,
    feedForwardLength: 14_336,
    headCount: 32,
    headCountKv: 8,
    vocabularySize: 128_256,
    parameterCount: 8_030_261_248,
    tiedEmbeddings: false,
  },
  sizeBytes: 4.9e9,
};

const bytesOf = (device: DeviceEstimate | undefined, kind: AmountKind): number =>
  device?.amounts.find((amount) => amount.kind === kind)?.bytes ?? 0;

describe('layers on cards', () => {
  // load_tensors in llama-model.cpp logs "layer 0 assigned to device CPU" for these splits.
  test('are the last ones, the output counting as one behind them', () => {
    expect(placeLayers(4, 0, [1])).toEqual({ layers: [-1, -1, -1, -1], output: -1 });
    expect(placeLayers(4, 1, [1])).toEqual({ layers: [-1, -1, -1, -1], output: 0 });
    expect(placeLayers(4, 3, [1])).toEqual({ layers: [-1, -1, 0, 0], output: 0 });
    expect(placeLayers(4, 5, [1])).toEqual({ layers: [0, 0, 0, 0], output: 0 });
    expect(placeLayers(4, 99, [1])).toEqual(placeLayers(4, 5, [1]));
    expect(placeLayers(4, 5, [])).toEqual({ layers: [-1, -1, -1, -1], output: -1 });
  });

  test('are shared by what the cards have free', () => {
    expect(placeLayers(7, 8, [3, 1])).toEqual({ layers: [0, 0, 0, 0, 0, 0, 1], output: 1 });
    expect(placeLayers(7, 4, [1, 1])).toEqual({ layers: [-1, -1, -1, -1, 0, 0, 1], output: 1 });
    // Nothing known of them: evenly.
    expect(placeLayers(3, 4, [0, 0]).layers).toEqual([0, 0, 1]);
    expect(placeLayers(3, 4, [Number.NaN, 2]).layers).toEqual([1, 1, 1]);
  });

  test('take their weights and their cache with them; the embedding stays', () => {
    const { devices, totalBytes } = estimateInference(model, { contextLength: 4096, gpuLayers: 33 });
    expect(devices.map(({ device }) => device)).toEqual(['processor', 0]);
    expect(bytesOf(devices[1], 'cache')).toBe(512 * MiB);
    expect(bytesOf(devices[0], 'cache')).toBe(0);
    expect(bytesOf(devices[0], 'weights') + bytesOf(devices[1], 'weights')).toBeCloseTo(4.9e9, 0);
    expect(devices.reduce((sum, device) => sum + device.totalBytes, 0)).toBeCloseTo(totalBytes, 0);

    const half = estimateInference(model, { contextLength: 4096, gpuLayers: 17 }).devices;
    expect(bytesOf(half[0], 'cache')).toBe(256 * MiB);
  });

  test('copy a tied embedding to the card that computes the output', () => {
    const tied = { ...model, facts: { ...model.facts, tiedEmbeddings: true } };
    const without = estimateInference(tied, { gpuLayers: 0 }).devices;
    const all = estimateInference(tied, { gpuLayers: 33 }).devices;
    const copied = bytesOf(all[0], 'weights') + bytesOf(all[1], 'weights') - bytesOf(without[0], 'weights');
    expect(copied).toBeCloseTo(bytesOf(all[0], 'weights'), 0);
  });

  test('lets a card compute what lies in the computer’s memory, by copies of it', () => {
    const { devices } = estimateInference(model, { contextLength: 4096, gpuLayers: 0, cards: [1] });
    expect(bytesOf(devices[1], 'weights')).toBe(0);
    // At least the output matrix is borrowed.
    expect(bytesOf(devices[1], 'compute')).toBeGreaterThan((128_256 * 4096 * 4.9e9) / 8_030_261_248);
  });

  test('leaves room for what is beside the model', () => {
    const plain = estimateInference(model, { gpuLayers: 33 });
    const draft = estimateInference({ ...model, sizeBytes: 1e9 }, { gpuLayers: 33 });
    const beside = { adapterBytes: 10 * MiB, draft, program: true, otherBytes: [100, 200], reserveBytes: [300, 400] };
    const { devices } = estimateInference(model, { gpuLayers: 33 }, beside);
    expect(bytesOf(devices[1], 'adapters')).toBe(10 * MiB);
    expect(bytesOf(devices[1], 'draft')).toBeCloseTo(draft.devices[1]?.totalBytes ?? Number.NaN, 0);
    expect([0, 1].map((index) => bytesOf(devices[index], 'others'))).toEqual([100, 200]);
    expect([0, 1].map((index) => bytesOf(devices[index], 'reserve'))).toEqual([300, 400]);
    expect(bytesOf(devices[0], 'program')).toBeGreaterThan(0);
    expect(bytesOf(devices[1], 'weights')).toBe(bytesOf(plain.devices[1], 'weights'));
  });
});
