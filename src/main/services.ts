import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isActive } from '#core/jobs/state.ts';
import { diskError } from '#core/errors/on-disk.ts';
import type { AppHandlers } from '#contract/index.ts';
import { createAdapters } from './adapters/index.ts';
import { createBenchmarks } from './benchmark/index.ts';
import { benchmarkRunner } from './benchmark/runner.ts';
import { createChat } from './chat/index.ts';
import { benchmarkRepository } from './db/benchmarks.ts';
import { cardRepository } from './db/cards.ts';
import { certificateRepository } from './db/certificates.ts';
import { chatRepository } from './db/chats.ts';
import { followChanges } from './db/feed.ts';
import { jobRepository } from './db/jobs.ts';
import { memoryRepository } from './db/memory.ts';
import { modelRepository } from './db/models.ts';
import { openDatabase } from './db/open.ts';
import { remoteRepository } from './db/remotes.ts';
import { settingsRepository } from './db/settings.ts';
import type { Engines } from './engines/index.ts';
import { appHandlers } from './handlers.ts';
import type { Host } from './host.ts';
import { calibrateRunner } from './jobs/calibrate.ts';
import { certifyRunner } from './jobs/certify.ts';
import { demoRunner } from './jobs/demo.ts';
import { adapterRunners } from './jobs/made-adapter.ts';
import { mergeRunner } from './jobs/merge.ts';
import { trainRunner } from './jobs/train.ts';
import { perplexityRunner } from './jobs/perplexity.ts';
import { qualityRunner } from './jobs/quality.ts';
import { quantizeRunner } from './jobs/quantize.ts';
import { createJobQueue } from './jobs/queue.ts';
import { verifyRunner } from './jobs/verify.ts';
import { createLibrary } from './library/index.ts';
import { resolveUserPath } from './library/paths.ts';
import type { Log } from './log.ts';
import { createMemory } from './memory/index.ts';
import { createApiServer, type ApiMount } from './openai/index.ts';
import { createQuantize } from './quantize/index.ts';
import { createRemoteEngines } from './remote/index.ts';
import { createSystem } from './system/index.ts';
import { computerName } from './system/memory.ts';
import { createTraining } from './training/index.ts';
import { createRunStore } from './training/store.ts';

export interface ServicesOptions {
  /** The data folder; made when it is not there. */
  readonly home: string;
  readonly host: Host;
  /** Stay the caller's to close, after the services. */
  readonly engines: Engines;
  readonly log: Log;
  readonly clock?: () => number;
}

/** What the program does, whoever shows it: a window, a browser, or the command line. */
export interface Services {
  readonly handlers: AppHandlers;
  readonly api: ApiMount;
  /** Interrupt this process's jobs, save the answers that are being made, close the database. */
  close(): Promise<void>;
}

/** An unfinished copy that nobody has written to for this long was left by a program that ended. */
const STALE_PARTIAL_MS = 24 * 3600 * 1000;

/** Put the services together. Throws `db.*` and `disk.*`. */
export function openServices({ home, host, engines, log, clock = Date.now }: ServicesOptions): Services {
  const modelFolder = join(home, 'models');
  makeFolder(modelFolder);
  const database = openDatabase(join(home, 'lathe.db'));
  const feed = followChanges(database);
  const models = modelRepository(database);
  const jobRows = jobRepository(database);

  const system = createSystem({ home, modelFolder, host, engines, repository: settingsRepository(database), feed, log, clock });
  const threads = (): number | null => system.settings().threads;
  const library = createLibrary({
    database,
    repository: models,
    feed,
    engines,
    host,
    modelFolder,
    log,
    clock,
    isModelUsed: jobRows.isModelUsed,
    isBusy: () => jobs.isBusy() || chat.isBusy(),
    letGo: (modelId) => chat.letGo(modelId),
  });
  const scratchFolder = join(home, 'scratch');
  const memory = createMemory({ engines, library, repository: memoryRepository(database, computerName()), feed, log, clock });
  const remote = createRemoteEngines({ home, host, repository: remoteRepository(database), feed, clock });
  const chat = createChat({
    database,
    repository: chatRepository(database),
    feed,
    engines,
    library,
    memory,
    remote,
    models: models.list,
    settings: system.settings,
    scratchFolder,
    log,
    clock,
  });
  const isOutputTaken = (path: string, exceptJobId: string | null): boolean =>
    jobRows
      .active()
      .some(
        ({ job: { id, spec, state } }) =>
          isActive(state) && id !== exceptJobId && 'outputPath' in spec && resolveUserPath(spec.outputPath) === path,
      );
  const { versions } = host;
  const cards = cardRepository(database);
  const quantize = createQuantize({ library, engines, cards });
  const certificates = certificateRepository(database);
  const adapters = createAdapters({ library, models, engines, certificates });
  const runs = createRunStore(join(home, 'runs'));
  const benchmarkRows = benchmarkRepository(database);
  const jobs = createJobQueue({
    database,
    repository: jobRows,
    feed,
    log,
    clock,
    scratchFolder,
    runners: {
      quantize: quantizeRunner({ library, engines, cards, memory, isOutputTaken, scratchFolder, threads, versions, clock }),
      calibrate: calibrateRunner({ library, engines, isOutputTaken, threads, clock }),
      quality: qualityRunner({ library, engines, cards, threads, versions, clock }),
      merge: mergeRunner({ library, engines, certificates, memory, isOutputTaken, scratchFolder, threads, versions, clock }),
      certify: certifyRunner({ library, engines, certificates, threads, versions, clock }),
      ...adapterRunners({ library, engines, isOutputTaken, versions, clock }),
      train: trainRunner({ library, engines, runs, memory, threads, versions, clock }),
      verify: verifyRunner(library),
      benchmark: benchmarkRunner({ library, engines, chat, benchmarks: benchmarkRows, remote, threads, clock }),
      demo: demoRunner({ library, engines, modelFolder, threads, versions, clock }),
      perplexity: perplexityRunner({ library, engines, threads }),
    },
  });
  const training = createTraining({ library, engines, runs, jobs, modelFolder, scratchFolder, threads, clock });
  const benchmarks = createBenchmarks({ library, benchmarks: benchmarkRows, remote, feed, jobs, clock });
  const server = createApiServer({ home, library, chat, log, clock });
  removeStalePartials(modelFolder, clock());
  // A command of the command line ends before a hash does; `verify` makes one on demand.
  if (host.kind !== 'cli') library.startHashing();

  return {
    handlers: appHandlers({ library, chat, quantize, adapters, training, benchmarks, memory, jobs, remote, server, system }),
    api: server.mountable,
    close: async () => {
      await server.close();
      await Promise.all([jobs.close(), chat.close()]);
      await library.close();
      system.close();
      remote.close();
      memory.close();
      feed.close();
      database.close();
    },
  };
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw diskError(error, path);
  }
}

function removeStalePartials(folder: string, nowMs: number): void {
  try {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (name.endsWith('.partial') && nowMs - statSync(path).mtimeMs > STALE_PARTIAL_MS) rmSync(path, { recursive: true, force: true });
    }
  } catch {
    // It is only a matter of tidiness.
  }
}
