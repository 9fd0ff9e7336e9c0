/** What a token is, by the numbers of `enum llama_token_type` (llama.h), which are SentencePiece's own. */
export const TokenType = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
export type TokenType = (typeof TokenType)[keyof typeof TokenType];

/** Tokens with a part to play, by the name that Hugging Face gives them (`bos_token`, `eos_token_id`, …). */
export const specialRoles = ['bos', 'eos', 'unk', 'sep', 'pad', 'mask', 'eot', 'eom'] as const;
export type SpecialRole = (typeof specialRoles)[number];

/** Jinja texts that turn a conversation into a prompt. A model may have further ones by name, for example for tools. */
export interface ChatTemplates {
  readonly default?: string;
  readonly named: Readonly<Record<string, string>>;
}

/** Which marks the tokenizer puts around a text. What is absent is left to llama.cpp's own rule for the kind of tokenizer. */
export interface AddedMarks {
  readonly bos?: boolean;
  readonly eos?: boolean;
  readonly sep?: boolean;
  readonly spacePrefix?: boolean;
}

export type SpecialIds = Readonly<Partial<Record<SpecialRole, number>>>;

/** A vocabulary as GGUF holds it. Every token's text is there once, and the arrays are as long as the model's embedding has rows. */
export interface GgufVocabulary {
  /** `gpt2`: byte-level BPE, which merges by rank. `llama`: SentencePiece BPE, which merges by score. */
  readonly model: 'gpt2' | 'llama';
  /** The rule that splits text before merging, by llama.cpp's name; SentencePiece has none ("default"). */
  readonly pre: string;
  readonly tokens: readonly string[];
  readonly tokenTypes: Int32Array;
  /** `llama` only: the higher, the earlier a pair is merged into this token. */
  readonly scores?: Float32Array;
  /** `gpt2` only: pairs "left right", the earliest first. */
  readonly merges?: readonly string[];
  readonly specialIds: SpecialIds;
  readonly add: AddedMarks;
  readonly chatTemplates: ChatTemplates;
}

/** The largest vocabularies in use have 2^18 tokens. Eight times that bounds the memory a hostile file can ask for. */
export const MAX_TOKENS = 2 ** 21;
