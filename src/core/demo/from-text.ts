import { trainTokenizer } from '../tokenizer/train.ts';
import type { DemoShape } from './config.ts';
import { demoModel, type DemoModel } from './model.ts';

/** What is left to say once the tokenizer is learned from a text. */
export interface TextDemoOptions extends Omit<DemoShape, 'vocabularySize' | 'bosId' | 'eosId' | 'padId'> {
  readonly text: string;
  /** Tokens to learn at most; a short text gives fewer. */
  readonly maxVocabularySize: number;
  readonly seed: number;
}

/**
 * The model of "Create a demo model": five million parameters, small enough to appear in a second, with rows that are multiples of 256, so
 * that every quantization can be tried on it.
 */
export const demoShape: Omit<TextDemoOptions, 'text' | 'seed'> = {
  family: 'llama',
  layerCount: 6,
  embeddingLength: 256,
  headCount: 8,
  headCountKv: 4,
  feedForwardLength: 768,
  contextLength: 1024,
  maxVocabularySize: 2048,
  tiedEmbeddings: true,
  dtype: 'F16',
};

/** Learn a tokenizer from a text and make a model up around it. */
export function demoFromText({ text, maxVocabularySize, ...options }: TextDemoOptions): DemoModel {
  const { files, specialIds, vocabularySize } = trainTokenizer(text, maxVocabularySize);
  return demoModel({
    ...options,
    vocabularySize,
    bosId: specialIds.bos,
    eosId: specialIds.eos,
    padId: specialIds.pad,
    tokenizerFiles: { 'tokenizer.json': files.tokenizerJson, 'tokenizer_config.json': files.tokenizerConfig },
  });
}
