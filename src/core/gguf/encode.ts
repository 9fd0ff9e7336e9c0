import { encodeText } from './text.ts';
import { fixedArrays, valueTypes } from './values.ts';
import type { GgufArray, GgufFixedType, GgufValue, GgufValueType } from './values.ts';

/** Most headers of small models fit at once; it doubles from there. */
const INITIAL_BYTES = 64 * 1024;

/** Writes the parts of a GGUF header one after another into memory that grows. */
export class GgufEncoder {
  #bytes = new Uint8Array(INITIAL_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  u32(value: number): void {
    // Reserving may replace the memory, and with it the view.
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  /** A whole number up to 2^53 - 1. */
  u64(value: number): void {
    this.u32(value % 2 ** 32);
    this.u32(Math.floor(value / 2 ** 32));
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.byteLength);
    this.#bytes.set(bytes, at);
  }

  string(text: string): void {
    const bytes = encodeText(text);
    this.u64(bytes.byteLength);
    this.raw(bytes);
  }

  entry(key: string, value: GgufValue): void {
    this.string(key);
    this.#type(value.type);
    if (value.type === 'arr') this.#array(value);
    else if (value.type === 'str') this.string(value.value);
    else this.#fixed(value.type, value.value);
  }

  /** What was written, followed by zeros up to `length`. */
  finish(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    bytes.set(this.#bytes.subarray(0, this.#length));
    return bytes;
  }

  #type(type: GgufValueType): void {
    this.u32(valueTypes.indexOf(type));
  }

  #array(array: GgufArray): void {
    this.#type(array.elementType);
    this.u64(array.value.length);
    if (array.elementType === 'str') for (const text of array.value) this.string(text);
    else this.raw(new Uint8Array(array.value.buffer, array.value.byteOffset, array.value.byteLength));
  }

  #fixed(type: GgufFixedType, value: number | bigint | boolean): void {
    // A typed array of one writes a number of any type; like every platform we run on, it is little-endian.
    const cell = type === 'u64' || type === 'i64' ? fixedArrays[type].of(BigInt(value)) : fixedArrays[type].of(Number(value));
    this.raw(new Uint8Array(cell.buffer));
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.byteLength));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
