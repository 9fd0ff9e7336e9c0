/**
 * A reader of the protocol buffer wire format (protobuf.dev/programming-guides/encoding): as much of it as a
 * SentencePiece model needs. Every length is held against what is left before anything is touched.
 */

/** Thrown by the reader; whoever knows the file's name turns it into an error for people. */
export class ProtobufError extends Error {
  /** Where in the bytes given. */
  readonly position: number;

  constructor(position: number) {
    super(`invalid protocol buffer at byte ${position}`);
    this.name = 'ProtobufError';
    this.position = position;
  }
}

/** A field by its wire type. Whole numbers as unsigned 64-bit ones. */
export type ProtobufField =
  | { readonly number: number; readonly type: 'varint'; readonly value: bigint }
  | { readonly number: number; readonly type: 'fixed'; readonly value: DataView }
  | { readonly number: number; readonly type: 'bytes'; readonly value: Uint8Array; readonly position: number };

/** Seven bits a byte: 64 bits take at most ten. */
const MAX_VARINT_BYTES = 10;

/**
 * The fields of one message, in order. `base` is where the message lies in the file, for error positions.
 * Groups, which nothing of today writes, are refused. @throws ProtobufError
 */
export function* protobufFields(bytes: Uint8Array, base = 0): Generator<ProtobufField> {
  let at = 0;
  const fail = (): never => {
    throw new ProtobufError(base + at);
  };
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0; shift < MAX_VARINT_BYTES; shift += 1) {
      const byte = bytes[at];
      if (byte === undefined) return fail();
      at += 1;
      value |= BigInt(byte & 0x7f) << BigInt(7 * shift);
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    return fail();
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) return fail();
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Number(key >> 3n);
    if (number < 1 || number > 0x1fff_ffff) fail();
    const wireType = Number(key & 7n);
    if (wireType === 0) {
      yield { number, type: 'varint', value: varint() };
    } else if (wireType === 1 || wireType === 5) {
      const value = take(wireType === 1 ? 8 : 4);
      yield { number, type: 'fixed', value: new DataView(value.buffer, value.byteOffset, value.byteLength) };
    } else if (wireType === 2) {
      const length = varint();
      if (length > BigInt(bytes.length)) fail();
      const value = take(Number(length));
      yield { number, type: 'bytes', value, position: base + at - value.length };
    } else {
      fail();
    }
  }
}
