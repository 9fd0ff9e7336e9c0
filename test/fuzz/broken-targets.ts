import { AppError } from '#core/errors/index.ts';
import { promise, type Target } from '../../scripts/fuzz/target.ts';

/** Readers with one fault each, for the harness to find. Only inputs whose first byte is above 127 show it. */
const isHit = ([bytes]: readonly Uint8Array[]): boolean => (bytes?.[0] ?? 0) > 127;

const reader = (name: string, fault: () => string): Target => ({
  name,
  codes: /^gguf\./,
  make: (random) => [random.bytes(40)],
  run: (parts) => (isHit(parts) ? fault() : 'read'),
});

const kept: unknown[] = [];

export const targets: readonly Target[] = [
  reader('sound', () => 'read'),
  reader('refusing', () => {
    throw new AppError('gguf.badMagic', { file: 'a', found: 'b' });
  }),
  reader('throwing', () => String((undefined as unknown as { readonly a: string }).a)),
  reader('foreign-code', () => {
    throw new AppError('request.tooMany', { limit: 1 });
  }),
  reader('long-message', () => {
    throw new AppError('gguf.badMagic', { file: 'a', found: 'b'.repeat(5000) });
  }),
  reader('overflowing', () => {
    const nest = (): string => `${nest()}.`;
    return nest();
  }),
  reader('believing', () => String(new Uint8Array(2 ** 28).byteLength)),
  reader('hoarding', () => {
    for (;;) kept.push(Array.from({ length: 2 ** 20 }).fill(0.5));
  }),
  reader('endless', () => {
    for (;;);
  }),
  reader('breaking', () => {
    promise(false, 'an offset lies outside');
    return 'read';
  }),
  reader('late', () => {
    void Promise.reject(new Error('nobody waits for this'));
    return 'read';
  }),
];
