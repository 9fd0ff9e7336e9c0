import { AppError } from '../errors/index.ts';
import { tokenizerFileNames } from './files.ts';
import { ProtobufError, protobufFields } from './protobuf.ts';
import { MAX_TOKENS, TokenType } from './types.ts';

export interface SentencePiece {
  readonly text: string;
  readonly score: number;
  readonly type: TokenType;
}

/** What of a `ModelProto` (sentencepiece_model.proto) the conversion needs. */
export interface SentencePieceModel {
  readonly pieces: readonly SentencePiece[];
  /** Whether a space is put before the text (`normalizer_spec.add_dummy_prefix`). */
  readonly addDummyPrefix: boolean;
}

/** Field numbers of sentencepiece_model.proto. */
const MODEL = { pieces: 1, trainerSpec: 2, normalizerSpec: 3 } as const;
const PIECE = { text: 1, score: 2, type: 3 } as const;
const TRAINER = { modelType: 3, whitespaceAsSuffix: 24 } as const;
const NORMALIZER = { addDummyPrefix: 3 } as const;

/** `TrainerSpec.ModelType`; a file that does not say is a unigram model. */
const MODEL_TYPES: ReadonlyMap<bigint, string> = new Map([
  [1n, 'Unigram'],
  [2n, 'BPE'],
  [3n, 'Word'],
  [4n, 'Char'],
]);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const isTokenType = (value: number): value is TokenType => value >= TokenType.normal && value <= TokenType.byte;

function readPiece(bytes: Uint8Array, base: number): SentencePiece {
  let text: string | undefined;
  let score = 0;
  let type: TokenType = TokenType.normal;
  for (const field of protobufFields(bytes, base)) {
    if (field.number === PIECE.text && field.type === 'bytes') {
      try {
        text = utf8.decode(field.value);
      } catch {
        throw new ProtobufError(field.position);
      }
    } else if (field.number === PIECE.score && field.type === 'fixed' && field.value.byteLength === 4) {
      score = field.value.getFloat32(0, true);
    } else if (field.number === PIECE.type && field.type === 'varint') {
      const found = Number(field.value);
      if (!isTokenType(found)) throw new ProtobufError(base);
      type = found;
    }
  }
  if (text === undefined || !Number.isFinite(score)) throw new ProtobufError(base);
  return { text, score, type };
}

/** The last value of a whole number or flag in a message. */
function lastVarint(bytes: Uint8Array, base: number, number: number): bigint | undefined {
  let value: bigint | undefined;
  for (const field of protobufFields(bytes, base)) if (field.number === number && field.type === 'varint') value = field.value;
  return value;
}

function readModel(bytes: Uint8Array): SentencePieceModel {
  const pieces: SentencePiece[] = [];
  let modelType = 1n;
  let whitespaceAsSuffix = false;
  let addDummyPrefix = true;
  for (const field of protobufFields(bytes)) {
    if (field.type !== 'bytes') continue;
    const { number, value, position } = field;
    if (number === MODEL.pieces) {
      if (pieces.length === MAX_TOKENS) throw new AppError('tokenizer.tooManyTokens', { found: `> ${MAX_TOKENS}`, limit: MAX_TOKENS });
      pieces.push(readPiece(value, position));
    } else if (number === MODEL.trainerSpec) {
      modelType = lastVarint(value, position, TRAINER.modelType) ?? modelType;
      whitespaceAsSuffix = (lastVarint(value, position, TRAINER.whitespaceAsSuffix) ?? 0n) !== 0n;
    } else if (number === MODEL.normalizerSpec) {
      addDummyPrefix = (lastVarint(value, position, NORMALIZER.addDummyPrefix) ?? 1n) !== 0n;
    }
  }
  if (pieces.length === 0) throw new ProtobufError(0);
  // llama.cpp merges greedily and marks words in front; other models would be read, and split text wrongly.
  if (modelType !== 2n)
    throw new AppError('tokenizer.unsupportedModel', { kind: `SentencePiece ${MODEL_TYPES.get(modelType) ?? String(modelType)}` });
  if (whitespaceAsSuffix) throw new AppError('tokenizer.unsupportedModel', { kind: 'SentencePiece with the space mark behind words' });
  return { pieces, addDummyPrefix };
}

/**
 * Reads a SentencePiece BPE model.
 * @throws tokenizer.invalidModel, tokenizer.unsupportedModel, tokenizer.tooManyTokens
 */
export function parseSentencePieceModel(bytes: Uint8Array, file: string = tokenizerFileNames.tokenizerModel): SentencePieceModel {
  try {
    return readModel(bytes);
  } catch (error) {
    if (error instanceof ProtobufError) throw new AppError('tokenizer.invalidModel', { file, position: error.position });
    throw error;
  }
}
