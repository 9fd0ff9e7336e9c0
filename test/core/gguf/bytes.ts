/** A GGUF file written by hand, field by field, so that any field can be wrong. Independent of the writer under test. */
export class GgufBytes {
  readonly #bytes: number[] = [];

  get length(): number {
    return this.#bytes.length;
  }

  raw(...bytes: readonly number[]): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  u16(value: number): this {
    return this.#number(2, BigInt(value));
  }

  u32(value: number): this {
    return this.#number(4, BigInt(value));
  }

  u64(value: number | bigint): this {
    return this.#number(8, BigInt(value));
  }

  string(text: string | readonly number[]): this {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
    return this.u64(bytes.length).raw(...bytes);
  }

  /** `GGUF`, version 3 and the counts. */
  head(tensorCount: number | bigint, keyCount: number | bigint, version = 3): this {
    return this.raw(0x47, 0x47, 0x55, 0x46).u32(version).u64(tensorCount).u64(keyCount);
  }

  /** A tensor's entry; `type` is the number of `enum ggml_type`, 0 for F32. */
  tensor(name: string | readonly number[], dimensions: readonly (number | bigint)[], type: number, offset: number | bigint): this {
    this.string(name).u32(dimensions.length);
    for (const size of dimensions) this.u64(size);
    return this.u32(type).u64(offset);
  }

  /** Zeros up to a multiple of `alignment`. */
  pad(alignment = 32): this {
    while (this.#bytes.length % alignment !== 0) this.#bytes.push(0);
    return this;
  }

  zeros(count: number): this {
    for (let index = 0; index < count; index += 1) this.#bytes.push(0);
    return this;
  }

  done(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #number(size: number, value: bigint): this {
    for (let index = 0; index < size; index += 1) this.#bytes.push(Number((BigInt.asUintN(64, value) >> BigInt(8 * index)) & 0xffn));
    return this;
  }
}

export const gguf = (): GgufBytes => new GgufBytes();
