import { AppError, toErrorData } from '#core/errors/index.ts';
import type { AppHandlers } from '#contract/index.ts';
import type { Model } from '#contract/library.ts';
import { listeners, streamOf } from '../changes.ts';
import type { ChangeFeed } from '../db/feed.ts';
import type { ModelRepository, NewLineage } from '../db/models.ts';
import type { Database } from '../db/open.ts';
import type { Engines } from '../engines/index.ts';
import type { Host } from '../host.ts';
import { newId } from '../ids.ts';
import type { Log } from '../log.ts';
import { readChatTemplate, readMetadata, readTensors, type TensorRow } from './contents.ts';
import { copyModel } from './copy.ts';
import { findModel } from './find.ts';
import { createHasher } from './hasher.ts';
import { hashContent } from './identity.ts';
import type { FoundModel } from './inspect.ts';
import { resolveUserPath } from './paths.ts';
import { ownPaths, removePaths } from './remove.ts';
import { contentOf, createStates } from './states.ts';
import { findModels, inspectPath } from './walk.ts';
import type { JobContext } from '../jobs/runner.ts';

type Handlers = AppHandlers['library'];
type Input<N extends keyof Handlers> = Parameters<Handlers[N]>[0];
type Event<N extends keyof Handlers> = ReturnType<Handlers[N]> extends AsyncIterable<infer E> ? E : never;
type LibraryEvent = { readonly type: 'changed'; readonly model: Model } | { readonly type: 'removed'; readonly modelId: string };

export interface LibraryOptions {
  readonly database: Database;
  readonly repository: ModelRepository;
  readonly feed: ChangeFeed;
  readonly engines: Pick<Engines, 'tensor'>;
  readonly host: Pick<Host, 'trash'>;
  /** Where copies go. */
  readonly modelFolder: string;
  readonly log: Log;
  readonly clock: () => number;
  /** Whether an unfinished job works on a model. */
  readonly isModelUsed: (modelId: string) => boolean;
  /** Whether something that the user waits for is under way. */
  readonly isBusy: () => boolean;
  /** Called before a model's files are removed: whoever holds them open lets go. */
  readonly letGo: (modelId: string) => Promise<void>;
}

/** A list that takes longer than this to be brought up to date is shown as it is; the rest comes as changes. */
const LIST_WAIT_MS = 50;

/** Paths that are looked at, as a user can follow them. */
const LOOKING_EVERY_MS = 100;
const COPYING_EVERY_MS = 100;

export type Library = ReturnType<typeof createLibrary>;

/** The models that the user has, wherever they lie. */
export function createLibrary(options: LibraryOptions) {
  const { database, repository, feed, engines, host, modelFolder, log, clock } = options;
  const states = createStates(repository, log);
  const hasher = createHasher({ repository, engines, states, log, clock, isBusy: options.isBusy });
  const changes = listeners<LibraryEvent>();
  const leaveFeed = feed.subscribe('model', (id) => {
    const model = repository.get(id);
    changes.emit(model === undefined ? { type: 'removed', modelId: id } : { type: 'changed', model });
    hasher.nudge();
  });
  /** The tensor table that was asked for last: a screen asks for it page by page. */
  let table: { readonly key: string; readonly rows: Promise<TensorRow[]> } | undefined;

  const get = (id: string): Model => {
    const model = repository.get(id);
    if (model === undefined) throw new AppError('library.unknownModel', {});
    return model;
  };

  const fingerprint = (id: string): string => JSON.stringify([get(id).path, repository.files(id)]);

  /** Enter a model; returns its id. May be called within a transaction. */
  const enter = (found: FoundModel, origin: Model['origin'], name: string = found.name, lineage?: NewLineage): string => {
    const id = newId();
    database.write(() => {
      // What was made may lie where an entry still stands: for an earlier file that is gone, or for this one, added by hand
      // before its job had ended.
      const earlier = lineage === undefined ? undefined : repository.atPath(found.path, found.realPath);
      if (earlier !== undefined) repository.remove(earlier.id);
      repository.add({ id, name: nameOf(name), origin, addedMs: clock(), ...contentOf(found) });
      if (lineage !== undefined) repository.addLineage(id, lineage);
    });
    return id;
  };

  async function* add(found: FoundModel, mode: Input<'import'>['mode'], signal: AbortSignal): AsyncGenerator<Event<'import'>> {
    const listed = repository.atPath(found.path, found.realPath);
    if (listed !== undefined) {
      await states.refresh(listed.id);
      return yield { type: 'added', model: get(listed.id), alreadyListed: true };
    }
    let model = found;
    if (mode === 'copy') {
      const copying = copyModel(found, modelFolder, signal);
      let toldMs = -Infinity;
      try {
        for (let step = await copying.next(); ; step = await copying.next()) {
          if (step.done === true) {
            model = step.value;
            break;
          }
          if (clock() - toldMs < COPYING_EVERY_MS && step.value.doneBytes < step.value.totalBytes) continue;
          toldMs = clock();
          yield { type: 'copying', path: found.path, ...step.value };
        }
      } finally {
        await copying.return(found);
      }
    }
    const id = enter(model, mode);
    log.write('info', 'library', `${id} added: ${model.kind} ${model.path}`);
    yield { type: 'added', model: get(id), alreadyListed: false };
  }

  const refresh = async ({ modelId, path }: Input<'refresh'>): Promise<Model> => {
    const model = get(modelId);
    if (path !== undefined) await relocate(model, resolveUserPath(path));
    else {
      await states.refresh(modelId, true);
      // Whoever looks again has seen that the content is another one: from now on this is the content.
      if (get(modelId).hash.status === 'changed') repository.forgetHash(modelId);
    }
    hasher.nudge(modelId);
    return get(modelId);
  };

  const relocate = async (model: Model, path: string): Promise<void> => {
    const { models, problems } = await inspectPath(path);
    const files = repository.files(model.id);
    const moved = models.find((found) => isSameContent(model, files, found));
    if (moved === undefined) {
      const [problem] = problems;
      if (models.length === 0 && problem !== undefined) throw AppError.from(problem.error);
      throw new AppError('library.otherContent', { path, name: model.name });
    }
    const listed = repository.atPath(moved.path, moved.realPath);
    if (listed !== undefined && listed.id !== model.id) throw new AppError('library.alreadyListed', { path, name: listed.name });
    const content = contentOf(moved);
    const hashes = new Map(files.map(({ name, sha256 }) => [name, sha256]));
    repository.setContent(model.id, {
      ...content,
      files: content.files.map((file) => ({ ...file, sha256: hashes.get(file.name) ?? null })),
    });
    // The sizes fit; whether the bytes do is found out in the background.
    hasher.nudge(model.id, { doubt: model.hash.status !== 'pending' });
  };

  const remove = async ({ modelId, files }: Input<'remove'>): Promise<{ files: 'kept' | 'trashed' | 'deleted' }> => {
    const model = get(modelId);
    if (files === 'keep') {
      repository.remove(modelId);
      return { files: 'kept' };
    }
    if (options.isModelUsed(modelId)) throw new AppError('library.inUse', { name: model.name });
    await options.letGo(modelId);
    await removePaths(await ownPaths(model, repository.files(modelId)), files, host);
    repository.remove(modelId);
    log.write('info', 'library', `${modelId} removed with its files (${files}): ${model.path}`);
    return { files: files === 'trash' ? 'trashed' : 'deleted' };
  };

  const handlers: Handlers = {
    list: async () => {
      await Promise.race([states.refreshAll(), new Promise((resolve) => setTimeout(resolve, LIST_WAIT_MS))]);
      return repository.list();
    },
    get: async ({ modelId }) => {
      await states.refresh(modelId);
      const model = get(modelId);
      const files = repository.files(modelId);
      return {
        model,
        files: files.map(({ name, sizeBytes, sha256 }) => ({ name, sizeBytes, sha256 })),
        lineage: repository.lineage(modelId),
        chatTemplate: model.facts.hasChatTemplate === true && model.state.status === 'ready' ? await readChatTemplate(model, files) : null,
      };
    },
    find: async ({ reference }) => {
      const found = await findModel(repository, reference);
      const id = 'id' in found ? found.id : enter(found, 'link');
      await states.refresh(id);
      return get(id);
    },
    import: async function* ({ path: written, mode }, { signal }) {
      const path = resolveUserPath(written);
      let toldMs = -Infinity;
      for await (const event of findModels(path, signal)) {
        if (event.type === 'looking') {
          if (clock() - toldMs < LOOKING_EVERY_MS) continue;
          toldMs = clock();
          yield event;
        } else if (event.type === 'problem') yield event;
        else {
          try {
            yield* add(event.model, mode, signal);
          } catch (error) {
            signal.throwIfAborted();
            yield { type: 'problem', problem: { path: event.model.path, error: toErrorData(error) } };
          }
        }
      }
    },
    update: ({ modelId, tags, ...change }) => {
      get(modelId);
      repository.update(modelId, { ...change, tags: tags === undefined ? undefined : [...new Set(tags)] });
      return get(modelId);
    },
    remove,
    refresh,
    tensors: async ({ modelId, offset, limit }) => {
      const model = get(modelId);
      const files = repository.files(modelId);
      const key = fingerprint(modelId);
      if (table?.key !== key) table = { key, rows: readTensors(model, files) };
      const { rows: reading } = table;
      try {
        const rows = await reading;
        return { total: rows.length, rows: rows.slice(offset, offset + limit) };
      } catch (error) {
        table = undefined;
        throw error;
      }
    },
    metadata: async ({ modelId }) => readMetadata(get(modelId), repository.files(modelId)),
    changes: (_, { signal }) =>
      streamOf(changes.add, { signal, key: (event) => (event.type === 'changed' ? event.model.id : event.modelId) }),
  };

  return {
    handlers,
    get,
    enter,
    /** Hash in the background from now on what has no hash yet. */
    startHashing: (): void => hasher.start(),
    /** A model whose files are as they were when it was last looked at. Throws what is wrong with it. */
    usable: async (id: string): Promise<Model> => {
      await states.refresh(id);
      const model = get(id);
      if (model.state.status !== 'ready') throw AppError.from(model.state.error);
      return model;
    },
    /** A model whose files are there, whatever is wrong with them. */
    present: async (id: string): Promise<Model> => {
      await states.refresh(id);
      const model = get(id);
      if (model.state.status === 'missing') throw AppError.from(model.state.error);
      return model;
    },
    /** Is another one whenever the files at a model's path are others. */
    fingerprint,
    setUsed: (id: string): void => repository.setUsed(id, clock()),
    /** The hash of a model's content: the recorded one, or a new one, which is recorded. */
    hashOf: async (id: string, context: Pick<JobContext, 'signal' | 'progress'>): Promise<string> => {
      const model = get(id);
      if (model.hash.status === 'done') return model.hash.sha256;
      const { sha256, byFile } = await hashContent(engines, model, repository.files(id), context);
      if (model.hash.status === 'pending' && repository.get(id) !== undefined) repository.setHash(id, sha256, byFile, clock());
      return sha256;
    },
    /** Hold a model's files against their recorded hashes, or record these where there are none. */
    verify: async (id: string, context: Pick<JobContext, 'signal' | 'progress'>) => {
      const model = get(id);
      const recorded = new Map(repository.files(id).map(({ name, sha256 }) => [name, sha256]));
      const { sha256, byFile } = await hashContent(engines, model, repository.files(id), context);
      const isFirst = model.hash.status === 'pending';
      const matches = model.hash.status === 'pending' || model.hash.sha256 === sha256;
      const changedFiles =
        matches || isFirst ? [] : [...byFile].filter(([name, hash]) => recorded.get(name) !== hash).map(([name]) => name);
      const record = (): void => {
        if (repository.get(id) === undefined) return;
        if (matches) repository.setHash(id, sha256, byFile, clock());
        else repository.markChanged(id);
      };
      return { sha256, matches, changedFiles, record };
    },
    close: async (): Promise<void> => {
      leaveFeed();
      await hasher.close();
    },
  };
}

/** Names come from files and may hold anything; the contract's are 200 characters of text. */
const nameOf = (name: string): string => name.replace(/\p{C}/gu, '').trim().slice(0, 200).toWellFormed() || 'model';

/** Whether what was found can be the model of an entry: the same kind, tensors and sizes, under whatever names. */
function isSameContent(model: Model, files: readonly { readonly name: string; readonly sizeBytes: number }[], found: FoundModel): boolean {
  const weights = (all: readonly { readonly name: string; readonly sizeBytes: number }[]): string =>
    all
      .filter(({ name }) => /\.(gguf|safetensors)$/.test(name))
      .map(({ sizeBytes }) => sizeBytes)
      .sort((left, right) => left - right)
      .join();
  return (
    model.kind === found.kind &&
    weights(files) === weights(found.files) &&
    model.facts.tensorCount === found.facts.tensorCount &&
    model.facts.architecture === found.facts.architecture &&
    model.facts.parameterCount === found.facts.parameterCount
  );
}
