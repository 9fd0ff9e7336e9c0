import type { Target } from '../target.ts';
import { patterns, peft, peftConfig } from './adapters.ts';
import { calculator, chatFile, chatTemplate, jsonSchema, toolCalls } from './chats.ts';
import { dataset, trainingSettings } from './datasets.ts';
import { gguf, ggufAdapter, ggufSplit, imatrix, noise } from './gguf.ts';
import { openAi, remoteAddress, remoteAnswers, remoteModels } from './http.ts';
import { contractSchemas, receivedReplies, servedMessages } from './messages.ts';
import { benchmarkFiles, modelFolder, packedWeights, questions } from './models.ts';
import { parquet } from './parquet.ts';
import { safetensors, safetensorsShards } from './safetensors.ts';
import { sentencePiece, tokenizerFile } from './tokenizers.ts';

/** Everything that reads what comes from outside. */
export const targets: readonly Target[] = [
  safetensors,
  safetensorsShards,
  gguf,
  noise,
  ggufSplit,
  ggufAdapter,
  imatrix,
  patterns,
  peft,
  peftConfig,
  modelFolder,
  packedWeights,
  tokenizerFile,
  sentencePiece,
  chatTemplate,
  jsonSchema,
  toolCalls,
  calculator,
  chatFile,
  dataset,
  parquet,
  trainingSettings,
  benchmarkFiles,
  questions,
  contractSchemas,
  servedMessages,
  receivedReplies,
  openAi,
  remoteAnswers,
  remoteModels,
  remoteAddress,
];
