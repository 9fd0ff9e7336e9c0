import { formatBytes, formatDuration } from '#core/bytes.ts';
import { AppError, type AppErrorData } from '#core/errors/index.ts';
import type { Answer, Options } from './command.ts';
import { facts, printable } from './text.ts';

/** What every command takes that writes an adapter. */
export const writtenAdapterSpecs = {
  out: { type: 'string', value: 'PATH', help: 'the new folder, or the GGUF file, to write' },
  format: { type: 'string', value: 'NAME', help: 'peft: a folder, gguf: a file (gguf where PATH ends in .gguf)' },
  name: { type: 'string', value: 'NAME', help: 'its name in the library' },
} as const satisfies Options;

/** The format that was asked for, or the one that the path speaks of. */
export const formatFor = (outputPath: string): 'peft' | 'gguf' => (outputPath.toLowerCase().endsWith('.gguf') ? 'gguf' : 'peft');

interface Written {
  readonly path: string;
  readonly sizeBytes: number;
  readonly durationMs: number;
  readonly modelId: string;
  readonly warnings: readonly AppErrorData[];
}

/** The answer about a written adapter. */
export function writtenAdapter(result: Written, more: readonly (readonly [string, string])[] = []): Answer {
  const written = facts([
    ['written', result.path],
    ['size', formatBytes(result.sizeBytes)],
    ...more,
    ['time', formatDuration(result.durationMs)],
    ['id', result.modelId],
  ]);
  return { json: result, text: [written, ...result.warnings.map((warning) => printable(AppError.from(warning).message))].join('\n') };
}
