/** A part of a function call, as engines stream them: pieces with one index belong together. */
export interface CallPiece {
  readonly index: number;
  readonly name: string;
  readonly arguments: string;
}

export interface RemoteUsage {
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Prompt tokens that the engine still had in memory. */
  readonly cachedTokens: number;
}

/** One event of a streamed answer. */
export interface RemoteChunk {
  readonly text: string;
  /** What the model thinks to itself, where the engine tells it apart (vLLM, DeepSeek, llama-server). */
  readonly reasoning: string;
  readonly calls: readonly CallPiece[];
  /** Why the answer ended; null while it goes on. */
  readonly finish: string | null;
  readonly usage: RemoteUsage | null;
  /** An error in the middle of the stream, in the engine's words. */
  readonly error: string | null;
}

/** More in one answer is a loop. */
const MAX_CALLS = 64;

/** Read one event's data: a chunk of chat or of plain completion. Null where it is neither. */
export function readChunk(data: string): RemoteChunk | null {
  const value = record(parse(data));
  if (value === undefined) return null;
  const error = value['error'] === undefined || value['error'] === null ? null : errorText(value);
  const choices = Array.isArray(value['choices']) ? (value['choices'] as readonly unknown[]) : undefined;
  const usage = usageOf(record(value['usage']));
  if (error === null && choices === undefined && usage === null) return null;
  const choice = record(choices?.[0]) ?? {};
  const delta = record(choice['delta']) ?? {};
  return {
    text: text(delta['content']) || text(choice['text']),
    reasoning: text(delta['reasoning_content']) || text(delta['reasoning']),
    calls: Array.isArray(delta['tool_calls']) ? (delta['tool_calls'] as readonly unknown[]).flatMap(callPiece) : [],
    finish: typeof choice['finish_reason'] === 'string' ? choice['finish_reason'] : null,
    usage,
    error,
  };
}

/** What an engine says went wrong: OpenAI's form, FastAPI's `detail`, Ollama's plain text. Empty where it says nothing. */
export function errorText(value: unknown): string {
  const { error, message, detail } = record(value) ?? {};
  return text(record(error)?.['message']) || text(error) || text(message) || text(detail);
}

/** The names of models in an answer to `GET /models`; undefined where it is no such answer. */
export function readModels(json: string): string[] | undefined {
  const value = record(parse(json));
  // llama-server and others give `data`; a list that is null stands for an empty one (Ollama).
  if (value === undefined || !('data' in value)) return undefined;
  if (value['data'] === null) return [];
  if (!Array.isArray(value['data'])) return undefined;
  const names = (value['data'] as readonly unknown[]).map((entry) => text(record(entry)?.['id']));
  return [...new Set(names.filter((name) => name !== '' && name.length <= MAX_MODEL_NAME))].slice(0, MAX_MODELS);
}

/** The longest name of a model, in UTF-16 units. */
export const MAX_MODEL_NAME = 300;
/** More are not a list that anybody reads. */
const MAX_MODELS = 2000;

/** Calls as they are put together of their pieces. */
export function callCollector() {
  const calls = new Map<number, { name: string; arguments: string }>();
  return {
    push: (pieces: readonly CallPiece[]): void => {
      for (const piece of pieces) {
        const call = calls.get(piece.index) ?? { name: '', arguments: '' };
        calls.set(piece.index, { name: call.name + piece.name, arguments: call.arguments + piece.arguments });
      }
    },
    /** Those that are whole: a name, and a JSON object. */
    calls: (): { readonly name: string; readonly arguments: string }[] =>
      [...calls.values()]
        .map((call) => ({ ...call, arguments: call.arguments.trim() === '' ? '{}' : call.arguments }))
        .filter((call) => call.name !== '' && record(parse(call.arguments)) !== undefined),
  };
}

function callPiece(value: unknown, place: number): CallPiece[] {
  const call = record(value);
  const called = record(call?.['function']);
  const index = count(call?.['index']) ?? place;
  return called === undefined || index >= MAX_CALLS ? [] : [{ index, name: text(called['name']), arguments: text(called['arguments']) }];
}

function usageOf(usage: Readonly<Record<string, unknown>> | undefined): RemoteUsage | null {
  const promptTokens = count(usage?.['prompt_tokens']);
  const answerTokens = count(usage?.['completion_tokens']);
  if (promptTokens === undefined || answerTokens === undefined) return null;
  const cachedTokens = count(record(usage?.['prompt_tokens_details'])?.['cached_tokens']) ?? 0;
  return { promptTokens, answerTokens, cachedTokens: Math.min(cachedTokens, promptTokens) };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const record = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Readonly<Record<string, unknown>>) : undefined;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
