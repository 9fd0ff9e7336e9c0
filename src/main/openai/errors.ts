import { describeError, toErrorData, type ErrorCode } from '#core/errors/index.ts';

/** An error as OpenAI's protocol tells it. */
export class ApiError extends Error {
  readonly status: number;
  readonly type: string;
  readonly code: string | null;
  /** The field that is wrong. */
  readonly param: string | null;
  /** When to come back. */
  readonly retryAfterSeconds: number | null;

  constructor(
    status: number,
    code: string | null,
    message: string,
    { param = null, retryAfterSeconds = null }: { readonly param?: string | null; readonly retryAfterSeconds?: number | null } = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
    this.retryAfterSeconds = retryAfterSeconds;
    this.type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error';
  }

  body(): {
    readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string | null };
  } {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } };
  }
}

/** What of ours is the asker's to correct, with the names that OpenAI's clients know where it has some. */
const REQUEST_ERRORS: Partial<Record<ErrorCode, readonly [status: number, code: string]>> = {
  'chat.promptTooLong': [400, 'context_length_exceeded'],
  'chat.emptyPrompt': [400, 'empty_prompt'],
  'chat.noTemplate': [400, 'chat.noTemplate'],
  'chat.needsGguf': [400, 'chat.needsGguf'],
  'chat.badGrammar': [400, 'invalid_grammar'],
  'chat.badSchema': [400, 'invalid_json_schema'],
  'chat.formatUnreachable': [400, 'chat.formatUnreachable'],
  'chat.noEmbedding': [400, 'chat.noEmbedding'],
  'tokenizer.unsupportedText': [400, 'tokenizer.unsupportedText'],
  'library.unknownModel': [404, 'model_not_found'],
};

/** Any thrown value as one of the protocol's. Ours keep their code. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const data = toErrorData(error);
  const { what, next } = describeError(data);
  // An adapter that cannot run beside the model is the request's choice.
  const otherwise = data.code.startsWith('adapters.') ? 400 : data.code.startsWith('engine.') ? 503 : 500;
  const [status, code] = REQUEST_ERRORS[data.code] ?? [otherwise, data.code];
  return new ApiError(status, code, `${what} ${next}`);
}
