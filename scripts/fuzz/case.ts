import type { Parts } from './target.ts';

/** A found case as it is kept: an input, and what it once did. */
export interface CaseFile {
  readonly target: string;
  readonly story: string;
  readonly parts: readonly (readonly Chunk[])[];
}

/** A text; bytes that are none; or one of these many times. */
type Chunk = string | { readonly base64: string } | { readonly repeat: string; readonly times: number };

const encoder = new TextEncoder();

export function partsOf({ parts }: Pick<CaseFile, 'parts'>): Parts {
  return parts.map((chunks) => {
    const all = chunks.map((chunk) =>
      typeof chunk === 'string'
        ? encoder.encode(chunk)
        : 'base64' in chunk
          ? Uint8Array.from(Buffer.from(chunk.base64, 'base64'))
          : encoder.encode(chunk.repeat.repeat(chunk.times)),
    );
    return new Uint8Array(Buffer.concat(all));
  });
}

export function caseOf(target: string, story: string, parts: Parts): CaseFile {
  return { target, story, parts: parts.map(chunksOf) };
}

function chunksOf(bytes: Uint8Array): Chunk[] {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return [{ base64: Buffer.from(bytes).toString('base64') }];
  }
  const chunks: Chunk[] = [];
  let from = 0;
  // A short piece that follows itself very often.
  for (const match of text.matchAll(/(.{1,16}?)\1{99,}/gs)) {
    const [whole, repeat = ''] = match;
    if (match.index > from) chunks.push(text.slice(from, match.index));
    chunks.push({ repeat, times: whole.length / repeat.length });
    from = match.index + whole.length;
  }
  if (from < text.length || chunks.length === 0) chunks.push(text.slice(from));
  return chunks;
}
