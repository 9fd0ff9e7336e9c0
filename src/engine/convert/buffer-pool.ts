/**
 * Buffers that are used again and again. Without it a conversion would allocate its whole size in pieces, and memory
 * would grow as far as the garbage collector lets it.
 */
export class BufferPool {
  private readonly free: ArrayBuffer[] = [];

  /** At least `bytes` of memory, of which the view shows exactly `bytes`. Its content is whatever was there. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    const index = this.free.findIndex((buffer) => buffer.byteLength >= bytes);
    const [buffer] = index === -1 ? [] : this.free.splice(index, 1);
    return new Uint8Array(buffer ?? new ArrayBuffer(roundUp(bytes)), 0, bytes);
  }

  /** Give a buffer back. The caller must not touch it again. */
  give(view: Uint8Array<ArrayBuffer>): void {
    this.free.push(view.buffer);
    // The largest last: a small request takes a small buffer.
    this.free.sort((left, right) => left.byteLength - right.byteLength);
  }
}

const SMALLEST_BYTES = 64 * 1024;

/** The next power of two: few sizes, so that buffers fit again. */
const roundUp = (bytes: number): number => Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(bytes)));
