import type { AppHandlers } from '#contract/index.ts';
import type { Adapters } from './adapters/index.ts';
import type { Benchmarks } from './benchmark/index.ts';
import type { Chat } from './chat/index.ts';
import type { JobQueue } from './jobs/queue.ts';
import type { Library } from './library/index.ts';
import type { Memory } from './memory/index.ts';
import type { ApiServer } from './openai/index.ts';
import type { Quantize } from './quantize/index.ts';
import type { RemoteEngines } from './remote/index.ts';
import type { System } from './system/index.ts';
import type { Training } from './training/index.ts';

interface ServiceParts {
  readonly library: Library;
  readonly chat: Chat;
  readonly quantize: Quantize;
  readonly adapters: Adapters;
  readonly training: Training;
  readonly benchmarks: Benchmarks;
  readonly memory: Memory;
  readonly jobs: JobQueue;
  readonly remote: RemoteEngines;
  readonly server: ApiServer;
  readonly system: System;
}

/** The contract, and who answers it. */
export function appHandlers({
  library,
  chat,
  quantize,
  adapters,
  training,
  benchmarks,
  memory,
  jobs,
  remote,
  server,
  system,
}: ServiceParts): AppHandlers {
  return {
    library: library.handlers,
    chat: chat.handlers,
    quantize: quantize.handlers,
    adapters: adapters.handlers,
    training: training.handlers,
    benchmark: benchmarks.handlers,
    memory: memory.handlers,
    jobs: {
      list: () => jobs.list(),
      start: ({ spec }) => jobs.start(spec),
      cancel: ({ jobId }) => jobs.cancel(jobId),
      resume: ({ jobId }) => jobs.resume(jobId),
      clear: async ({ jobId }) => (await jobs.clear(jobId), {}),
      watch: ({ jobId }, { signal }) => jobs.watch(jobId, signal),
      changes: (_, { signal }) => jobs.changes(signal),
    },
    remote: remote.handlers,
    server: server.handlers,
    system: system.handlers,
  };
}
