import type { LlamaModel } from 'node-llama-cpp';
import { AppError } from '#core/errors/index.ts';
import { ggufBoolean, ggufNumberArray, ggufString, ggufStringArray } from '#core/gguf/header.ts';
import type { TextSpan } from '#core/training/loss-mask.ts';
import { tokenOffsets, type TokenPiece } from '#core/training/token-offsets.ts';
import type { TemplateTokens } from '../inference/chat-template.ts';
import { openVocabulary } from '../inference/model.ts';
import type { LlamaRuntime } from '../inference/llama.ts';
import { byteLevelBytes } from '../inference/vocabulary.ts';

/** A text as tokens, each with the bytes of the text that it stands for. */
export interface TokenizedText {
  readonly ids: readonly number[];
  readonly spans: readonly TextSpan[];
}

/** A model's tokenizer and template, as samples need them. */
export interface SampleVocabulary extends AsyncDisposable {
  readonly chatTemplate: string | null;
  readonly names: TemplateTokens;
  /** What goes before a text, and after it; null where the model has none or wants none. */
  readonly begin: number | null;
  readonly end: number | null;
  /**
   * @param readsNames whether names of special tokens in the text mean these tokens, as in a rendered template
   * Throws `tokenizer.unsupportedText`; null where the tokens are not those of the text.
   */
  tokenize(text: string, readsNames: boolean): TokenizedText | null;
}

/** `llama_token_type` of what is not part of a word. */
const CONTROL = 3;
const USER_DEFINED = 4;
const BYTE = 6;

const encoder = new TextEncoder();

/** Throws `gguf.*`, `engine.loadFailed`. */
export async function openSampleVocabulary(runtime: LlamaRuntime, modelPath: string, signal: AbortSignal): Promise<SampleVocabulary> {
  const { model, check, ...header } = await openVocabulary(runtime, modelPath, signal);
  const kind = ggufString(header, 'tokenizer.ggml.model');
  const pieces = ggufStringArray(header, 'tokenizer.ggml.tokens') ?? [];
  const types = ggufNumberArray(header, 'tokenizer.ggml.token_type');
  const pieceOf = (id: number): TokenPiece => {
    const text = pieces[id] ?? '';
    const type = types?.[id];
    const isSpecial = type === CONTROL || type === USER_DEFINED;
    if (type === BYTE) return { bytes: Uint8Array.of(Number.parseInt(text.slice(3, 5), 16)), isSpecial };
    if (isSpecial) return { bytes: encoder.encode(text), isSpecial };
    if (kind === 'gpt2') return { bytes: Uint8Array.from(byteLevelBytes(text) ?? encoder.encode(text)), isSpecial };
    return { bytes: encoder.encode(text), isSpecial };
  };
  const { bos, eos, bosString, eosString, shouldPrependBosToken } = model.tokens;
  return {
    chatTemplate: ggufString(header, 'tokenizer.chat_template') ?? null,
    names: { bos: bosString, eos: eosString },
    begin: (ggufBoolean(header, 'tokenizer.ggml.add_bos_token') ?? shouldPrependBosToken) ? bos : null,
    end: eos,
    tokenize: (text, readsNames) => {
      check(text, readsNames);
      const ids: readonly number[] = model.tokenize(text, readsNames);
      const spans = tokenOffsets(encoder.encode(text), ids.map(pieceOf), kind === 'llama');
      return spans === null ? null : { ids, spans };
    },
    [Symbol.asyncDispose]: () => dispose(model),
  };
}

const dispose = (model: LlamaModel): Promise<void> => model.dispose();

/** What a token between texts is called: the name of a special one. */
export const nameOf = ({ names, begin, end }: Pick<SampleVocabulary, 'names' | 'begin' | 'end'>, id: number): string =>
  (id === begin ? names.bos : id === end ? names.eos : null) ?? '';

/** Templates for models that have none, by their names in the field. */
const namedTemplates: Readonly<Record<string, string>> = {
  chatml:
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  alpaca:
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}{% elif message['role'] == 'user' %}{{ '### Instruction:\\n' + message['content'] + '\\n\\n' }}{% else %}{{ '### Response:\\n' + message['content'] + eos_token + '\\n\\n' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '### Response:\\n' }}{% endif %}",
};

/** The template of a run: what the settings say, else the model's own. Throws `train.noTemplate`. */
export function templateOf({ chatTemplate }: Pick<SampleVocabulary, 'chatTemplate'>, setting: string): string {
  const source = setting === '' ? chatTemplate : (namedTemplates[setting] ?? setting);
  if (source === null) throw new AppError('train.noTemplate', {});
  return source;
}
