/** The floats of a buffer of the pool; these begin at their buffer's first byte. */
export const floats = (bytes: Uint8Array<ArrayBuffer>): Float32Array<ArrayBuffer> =>
  new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);

/** The bytes of any typed array. */
export const bytesOf = (array: Float32Array | Int32Array | Uint32Array | Uint16Array | Int8Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
