import { getLlama, LlamaLogLevel, type Llama } from 'node-llama-cpp';
import type { EngineLog, LogLevel } from '../log.ts';
import { createAllocations, type Allocations } from './allocations.ts';

/** llama.cpp as this process has loaded it: once, with the best of the processors' libraries that works here. */
export interface LlamaRuntime {
  readonly llama: Llama;
  /** What llama.cpp has complained about since this was last asked: its functions only say that they failed. */
  takeProblems(): string[];
  readonly allocations: Allocations;
}

const levels: Record<LlamaLogLevel, LogLevel> = {
  [LlamaLogLevel.disabled]: 'debug',
  [LlamaLogLevel.fatal]: 'error',
  [LlamaLogLevel.error]: 'error',
  [LlamaLogLevel.warn]: 'warn',
  [LlamaLogLevel.info]: 'info',
  [LlamaLogLevel.log]: 'debug',
  [LlamaLogLevel.debug]: 'debug',
};

/** Enough to hold what led to a failed load, which ends with the decisive line. */
const MAX_PROBLEMS = 20;

export async function loadLlama(log: EngineLog): Promise<LlamaRuntime> {
  const problems: string[] = [];
  const allocations = createAllocations();
  const llama = await getLlama({
    gpu: 'auto',
    // Lathe ships the libraries: nothing is compiled or fetched on the user's computer.
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    // No limit of its own: each context says how many threads it takes.
    maxThreads: 0,
    // What it has allocated it tells among much else that nobody needs.
    logLevel: LlamaLogLevel.info,
    logger: (level, message) => {
      if (levels[level] === 'info') return allocations.read(message);
      const text = message.trim();
      if (text === '') return;
      log.write(levels[level], text);
      if (levels[level] === 'error') problems.push(text);
      if (problems.length > MAX_PROBLEMS) problems.shift();
    },
  });
  return { llama, takeProblems: () => problems.splice(0), allocations };
}
