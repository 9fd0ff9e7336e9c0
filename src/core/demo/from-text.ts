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
 * The shape of the demo model: two million parameters, so that it can be trained on a processor and shipped, with rows that are multiples of
 * 256, so that every quantization can be tried on it.
 */
export const demoShape: Omit<TextDemoOptions, 'text' | 'seed'> = {
  family: 'llama',
  layerCount: 3,
  embeddingLength: 256,
  headCount: 8,
  headCountKv: 2,
  feedForwardLength: 512,
  contextLength: 1024,
  maxVocabularySize: 1024,
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
