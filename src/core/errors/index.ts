import { formatBytes, formatDuration } from '../bytes.ts';
import { adapterErrors } from './adapters.ts';
import { benchmarkErrors } from './benchmark.ts';
import { certificateErrors } from './certificates.ts';
import { chatErrors } from './chat.ts';
import { cliErrors } from './cli.ts';
import { convertErrors } from './convert.ts';
import { engineErrors } from './engine.ts';
import { formatErrors } from './formats.ts';
import { hostErrors } from './host.ts';
import { jobErrors } from './jobs.ts';
import { libraryErrors } from './library.ts';
import { memoryErrors } from './memory.ts';
import { modelErrors } from './model.ts';
import { nativeErrors } from './native.ts';
import { quantizeErrors } from './quantize.ts';
import { remoteErrors } from './remote.ts';
import { requestErrors } from './request.ts';
import { systemErrors } from './system.ts';
import { tokenizerErrors } from './tokenizer.ts';
import { trainErrors } from './train.ts';
import { updateErrors } from './update.ts';
import type { ErrorParams, ErrorText, ParamsOf } from './text.ts';

export type { ErrorParam, ErrorParams, ErrorText } from './text.ts';

/** Every error that Lathe can name. Each domain keeps its own list beside this file. */
export const errorCatalogue = {
  ...adapterErrors,
  ...benchmarkErrors,
  ...certificateErrors,
  ...chatErrors,
  ...cliErrors,
  ...convertErrors,
  ...engineErrors,
  ...formatErrors,
  ...hostErrors,
  ...jobErrors,
  ...libraryErrors,
  ...memoryErrors,
  ...modelErrors,
  ...nativeErrors,
  ...quantizeErrors,
  ...remoteErrors,
  ...requestErrors,
  ...systemErrors,
  ...tokenizerErrors,
  ...trainErrors,
  ...updateErrors,
} as const satisfies Record<string, ErrorText>;

export type ErrorCode = keyof typeof errorCatalogue;
type Params<C extends ErrorCode> = ParamsOf<(typeof errorCatalogue)[C]>;

/** An error as it crosses a boundary. */
export interface AppErrorData {
  readonly code: ErrorCode;
  readonly params: ErrorParams;
  /** Technical cause in the words of whoever threw it; for the folded details, never for the headline. */
  readonly detail?: string | undefined;
}

/** An error with a stable code. Its message is the English text; a screen shows the user's language by code. */
export class AppError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly params: ErrorParams;
  readonly detail: string | undefined;

  /** `detail`: the technical cause, in the words of whoever threw it. */
  constructor(code: C, params: Params<C>, detail?: string) {
    super(describeError({ code, params }).what);
    this.name = 'AppError';
    this.code = code;
    this.params = params;
    this.detail = detail;
  }

  /** The error that arrived over a boundary, as a thrown value again. */
  static from(data: AppErrorData): AppError {
    return new (AppError as new (code: ErrorCode, params: ErrorParams, detail?: string) => AppError)(data.code, data.params, data.detail);
  }
}

/** Any thrown value as data that can cross a boundary. What is not an AppError becomes `internal.unexpected`. */
export function toErrorData(error: unknown): AppErrorData {
  if (error instanceof AppError)
    return { code: error.code, params: error.params, ...(error.detail === undefined ? {} : { detail: error.detail }) };
  if (error instanceof Error) {
    if (error.name === 'AbortError') return { code: 'request.cancelled', params: {} };
    return { code: 'internal.unexpected', params: { problem: error.message }, detail: error.stack };
  }
  return { code: 'internal.unexpected', params: { problem: String(error) } };
}

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorCatalogue, code);

/** Fill a text's parameters in. A parameter that is missing stays visible as `{name}`. */
export function fillText(text: string, params: ErrorParams, locale = 'en'): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = params[name];
    if (value === undefined) return whole;
    if (typeof value === 'string') return value;
    if (name.endsWith('Bytes')) return formatBytes(value, locale);
    if (name.endsWith('Ms')) return formatDuration(value, locale);
    return new Intl.NumberFormat(locale).format(value);
  });
}

/** The English words of an error, parameters filled in. */
export function describeError(error: Pick<AppErrorData, 'code' | 'params'>): ErrorText {
  const text: ErrorText = errorCatalogue[error.code];
  return { what: fillText(text.what, error.params), safe: fillText(text.safe, error.params), next: fillText(text.next, error.params) };
}
