import type { ByteSource } from '../byte-source.ts';
import { AppError } from '../errors/index.ts';
import { MiB } from '../bytes.ts';
import { decodeText } from './text.ts';

/** Read at a time. Most headers take a few of these; a value that is longer gets a window of its own size. */
const WINDOW_BYTES = MiB;

/** Twenty times the largest header we know of (a vocabulary of 262,144 tokens with its merges and its tokenizer.json). */
const MAX_HEADER_BYTES = 512 * MiB;

/** The longest value in use is a whole tokenizer.json, 35 MB. V8 has no string above 512 MiB. */
const MAX_STRING_BYTES = 128 * MiB;

const emptyView = new DataView(new ArrayBuffer(0));

/**
 * Reads a file's header front to back through a window, never the whole file. `need` brings bytes into the window and is
 * the only place that reads; the getters after it are synchronous, so that half a million strings cost no promise each.
 */
export class GgufCursor {
  readonly #source: ByteSource;
  #view: DataView = emptyView;
  /** Where the window begins in the file. */
  #start = 0;
  /** Where the next byte is in the window. */
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get position(): number {
    return this.#start + this.#at;
  }

  /** Bytes that can be got without `need`. */
  get available(): number {
    return this.#view.byteLength - this.#at;
  }

  /** Makes the next `bytes` available, or throws `gguf.headerTruncated` or `gguf.headerTooLarge` before reading any. */
  async need(bytes: number): Promise<void> {
    if (bytes <= this.available) return;
    const file = this.#source.name;
    const remaining = this.#source.sizeBytes - this.position;
    if (bytes > remaining) throw new AppError('gguf.headerTruncated', { file, missingBytes: bytes - remaining });
    const allowed = MAX_HEADER_BYTES - this.position;
    if (bytes > allowed) throw new AppError('gguf.headerTooLarge', { file, limitBytes: MAX_HEADER_BYTES });
    const window = await this.#source.read(this.position, Math.min(Math.max(bytes, WINDOW_BYTES), remaining, allowed));
    this.#start = this.position;
    this.#at = 0;
    this.#view = new DataView(window.buffer, window.byteOffset, window.byteLength);
  }

  u8(): number {
    this.#at += 1;
    return this.#view.getUint8(this.#at - 1);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4, true);
  }

  /** Exact up to 2^53, rounded above: enough to hold it against a limit. */
  u64(): number {
    const low = this.u32();
    return this.u32() * 2 ** 32 + low;
  }

  /** Bytes of the window itself: copy what is to stay. */
  bytes(length: number): Uint8Array {
    this.#at += length;
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#at - length, length);
  }

  /** A view of the next bytes, for a number of any type. */
  view(length: number): DataView {
    this.#at += length;
    return new DataView(this.#view.buffer, this.#view.byteOffset + this.#at - length, length);
  }

  /** One string with its length before it. Throws `gguf.stringTooLong`. */
  async string(): Promise<string> {
    await this.need(8);
    const length = this.u64();
    this.#checkLength(length);
    await this.need(length);
    return decodeText(this.bytes(length));
  }

  /** `count` strings, each with its length before it. */
  async strings(count: number): Promise<string[]> {
    const strings: string[] = [];
    while (strings.length < count) {
      this.#takeRun(strings, count);
      if (strings.length === count) break;
      // The next string does not lie in the window as a whole.
      await this.need(8);
      const length = this.u64();
      this.#checkLength(length);
      this.#at -= 8;
      await this.need(8 + length);
    }
    return strings;
  }

  #checkLength(foundBytes: number): void {
    if (foundBytes > MAX_STRING_BYTES)
      throw new AppError('gguf.stringTooLong', { file: this.#source.name, foundBytes, limitBytes: MAX_STRING_BYTES });
  }

  /**
   * Takes the strings that lie in the window as a whole. They are decoded together, as one text that is then cut: one call
   * of the decoder for each of half a million strings would take most of the time.
   */
  #takeRun(strings: string[], count: number): void {
    const window = new Uint8Array(this.#view.buffer, this.#view.byteOffset, this.#view.byteLength);
    const payload = new Uint8Array(this.available);
    let filled = 0;
    /** Where each string ends: in the payload's bytes, and in the text's UTF-16 units. */
    const byteEnds: number[] = [];
    const unitEnds: number[] = [];
    let units = 0;
    let regular = true;
    while (strings.length + byteEnds.length < count && this.available >= 8) {
      const length = this.u64();
      if (length > this.available) {
        this.#at -= 8;
        break;
      }
      for (let index = 0; index < length; index += 1) {
        const byte = window[this.#at + index] ?? 0;
        payload[filled + index] = byte;
        // A character begins with any byte but 10xxxxxx, and takes two units when it takes four bytes.
        if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
        else if (index === 0) regular = false;
      }
      this.#at += length;
      filled += length;
      byteEnds.push(filled);
      unitEnds.push(units);
    }
    const text = regular ? decodeWhole(payload.subarray(0, filled)) : undefined;
    let start = 0;
    for (let index = 0; index < byteEnds.length; index += 1) {
      const end = (text === undefined ? byteEnds : unitEnds)[index] ?? 0;
      strings.push(text === undefined ? decodeText(payload.subarray(start, end)) : text.slice(start, end));
      start = end;
    }
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text, or undefined where the bytes are not UTF-8. */
function decodeWhole(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
