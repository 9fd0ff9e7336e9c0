import { AppError } from '#core/errors/index.ts';
import type { ModelRepository } from '../db/models.ts';
import type { Engines } from '../engines/index.ts';
import type { Log } from '../log.ts';
import { hashContent } from './identity.ts';
import type { States } from './states.ts';

interface HasherOptions {
  readonly repository: ModelRepository;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly states: States;
  readonly log: Log;
  readonly clock: () => number;
  /** Whether something that the user waits for needs the disk and the processor. */
  readonly isBusy: () => boolean;
}

/** While the user's own work runs, the hashes wait. */
const BUSY_WAIT_MS = 2000;

/** After an engine has failed. */
const RETRY_MS = 60_000;

/**
 * Hashes models in the background, one at a time. What is left to do is in the database, so it goes on after a restart from the
 * first model without a hash.
 */
export function createHasher({ repository, engines, states, log, clock, isBusy }: HasherOptions) {
  const abort = new AbortController();
  const { signal } = abort;
  /** Models that could not be hashed; not tried again before they are looked at anew. */
  const failed = new Set<string>();
  /** Models with a hash that is to be held against their files. */
  const doubted = new Set<string>();
  let wake: (() => void) | undefined;
  let loop: Promise<void> | undefined;

  const wait = async (durationMs: number): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      wake = resolve;
      if (durationMs < Infinity) timer = setTimeout(resolve, durationMs).unref();
    });
    wake = undefined;
    clearTimeout(timer);
  };

  const next = (): string | undefined => {
    const [doubtful] = doubted;
    return doubtful ?? repository.unhashed(failed);
  };

  const hash = async (id: string): Promise<void> => {
    const model = repository.get(id);
    if (model === undefined || model.state.status !== 'ready') return void doubted.delete(id);
    const { sha256, byFile } = await hashContent(engines, model, repository.files(id), { signal });
    const now = repository.get(id);
    const isDoubted = doubted.delete(id);
    // Removed, or moved, while it was read.
    if (now === undefined || now.path !== model.path) return;
    if (isDoubted && now.hash.status !== 'pending' && now.hash.sha256 !== sha256) repository.markChanged(id);
    else repository.setHash(id, sha256, byFile, clock());
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const id = isBusy() ? undefined : next();
      if (id === undefined) {
        await wait(isBusy() ? BUSY_WAIT_MS : Infinity);
        continue;
      }
      try {
        await hash(id);
      } catch (error) {
        if (signal.aborted) return;
        log.write('warn', 'library', `${id} could not be hashed: ${error instanceof Error ? error.message : String(error)}`);
        doubted.delete(id);
        failed.add(id);
        if (error instanceof AppError && error.code.startsWith('engine.')) {
          await wait(RETRY_MS);
          failed.delete(id);
        } else await states.refresh(id);
      }
    }
  };

  return {
    start: (): void => {
      loop ??= run().catch((error: unknown) => log.write('error', 'library', String(error)));
    },
    /** There may be something to hash. `id`: also if it failed before; `doubt`: also if it has a hash. */
    nudge: (id?: string, { doubt = false } = {}): void => {
      if (id !== undefined) failed.delete(id);
      if (id !== undefined && doubt) doubted.add(id);
      wake?.();
    },
    close: async (): Promise<void> => {
      abort.abort();
      wake?.();
      await loop;
    },
  };
}
