import { crc32, deflateSync, inflateSync } from 'node:zlib';

/**
 * Make a browser's PNG of 8 bits a channel smaller, without a pixel changed: pictures of text and flat areas take least where rows are not
 * filtered, and browsers compress for speed. Layout and filters: the PNG specification, sections 5, 9 and 11.
 */
export function smallerPng(png: Buffer): Buffer {
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks.push({ type: png.toString('latin1', at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) });
    at += 12 + length;
  }
  const header = chunks.find(({ type }) => type === 'IHDR')?.data ?? Buffer.alloc(13);
  const channels = header[9] === 2 ? 3 : 4;
  const pixels = inflateSync(Buffer.concat(chunks.filter(({ type }) => type === 'IDAT').map(({ data }) => data)));
  unfilter(pixels, header.readUInt32BE(0) * channels, channels);
  const data = deflateSync(pixels, { level: 9, memLevel: 9 });
  return Buffer.concat([png.subarray(0, 8), chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(type: string, data: Buffer): Buffer {
  const whole = Buffer.alloc(12 + data.length);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, 'latin1');
  data.copy(whole, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, 8 + data.length)), 8 + data.length);
  return whole;
}

/** Take the filters off, in place: rows of `width` bytes, each behind its filter's number, which becomes 0. */
function unfilter(rows: Buffer, width: number, channels: number): void {
  for (let row = 0; row < rows.length; row += width + 1) {
    const filter = rows[row];
    rows[row] = 0;
    for (let i = 0; i < width; i++) {
      const at = row + 1 + i;
      const left = i < channels ? 0 : (rows[at - channels] ?? 0);
      const up = row === 0 ? 0 : (rows[at - width - 1] ?? 0);
      const corner = row === 0 || i < channels ? 0 : (rows[at - width - 1 - channels] ?? 0);
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      rows[at] = ((rows[at] ?? 0) + guess) & 0xff;
    }
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}
