/**
 * Counts the bytes of buffers and typed arrays as they are made, those too that are gone again. The heap's limit does not see them,
 * and a single number that is believed is mostly an allocation of these.
 */

const METERED = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Uint8Array',
  'Int8Array',
  'Uint8ClampedArray',
  'Uint16Array',
  'Int16Array',
  'Uint32Array',
  'Int32Array',
  'Float32Array',
  'Float64Array',
  'BigUint64Array',
  'BigInt64Array',
] as const;

let allocatedBytes = 0;

/** Bytes since the last time this was asked. */
export function takeAllocatedBytes(): number {
  const bytes = allocatedBytes;
  allocatedBytes = 0;
  return bytes;
}

/** Puts a counter before each constructor. Modules that keep a constructor must be loaded afterwards. */
export function meterAllocations(): void {
  for (const name of METERED) {
    const original: object = globalThis[name];
    const metered = new Proxy(original, {
      construct: (target, args: unknown[], newTarget) => {
        const made: unknown = Reflect.construct(
          target as new () => object,
          args,
          newTarget === metered ? (target as new () => object) : newTarget,
        );
        const isView = args[0] instanceof ArrayBuffer || args[0] instanceof SharedArrayBuffer;
        if (!isView && typeof made === 'object' && made !== null && 'byteLength' in made) allocatedBytes += Number(made.byteLength);
        return made as object;
      },
    });
    Object.defineProperty(globalThis, name, { value: metered, configurable: true, writable: true });
  }
}
