import { z } from 'zod';
import { call, stream } from './define.ts';
import { count, id, none, path, sha256, sizeBytes, timeMs } from './shared.ts';
import { errorData } from './wire.ts';

/** What a library item is, by what lies on the disk. */
export const modelKind = z.enum(['hf', 'gguf', 'gptq', 'bitsandbytes', 'peft-adapter', 'gguf-adapter']);

/** What a model's files say of it. Absent means the files do not say; nothing is guessed. The type is core's ModelFacts. */
export const modelFacts = z.object({
  name: z.string().optional(),
  architecture: z.string().optional(),
  architectureClass: z.string().optional(),
  modelType: z.string().optional(),
  parameterCount: count.optional(),
  layerCount: count.optional(),
  embeddingLength: count.optional(),
  feedForwardLength: count.optional(),
  headCount: count.optional(),
  headCountKv: count.optional(),
  headDimension: count.optional(),
  valueLength: count.optional(),
  vocabularySize: count.optional(),
  contextLength: count.optional(),
  slidingWindow: count.optional(),
  expertCount: count.optional(),
  expertUsedCount: count.optional(),
  ropeFreqBase: z.number().optional(),
  tiedEmbeddings: z.boolean().optional(),
  /** As people write it: `F16`, `Q4_K_M`, `GPTQ 4-bit g128`. */
  quantization: z.string().optional(),
  tensorCount: count.optional(),
  tensorBytes: sizeBytes.optional(),
  bytesByType: z.record(z.string(), sizeBytes).optional(),
  tokenizerModel: z.string().optional(),
  hasChatTemplate: z.boolean().optional(),
  licence: z.string().optional(),
  adapter: z
    .object({
      rank: count.optional(),
      alpha: z.number().optional(),
      targetModules: z.array(z.string()).optional(),
      baseModel: z.string().optional(),
    })
    .optional(),
});

/** Whether the files can be used now. A broken or missing item stays listed, with the reason. */
export const modelState = z.discriminatedUnion('status', [
  z.object({ status: z.literal('ready') }),
  z.object({ status: z.literal('missing'), error: errorData }),
  z.object({ status: z.literal('broken'), error: errorData }),
]);

/** What is known of the content's identity. */
export const modelHash = z.discriminatedUnion('status', [
  z.object({ status: z.literal('pending') }),
  z.object({ status: z.literal('done'), sha256, hashedMs: timeMs }),
  /** The files changed since they were hashed, or do not match on verification. */
  z.object({ status: z.literal('changed'), sha256, hashedMs: timeMs }),
]);

export const model = z.object({
  id,
  kind: modelKind,
  name: z.string(),
  path,
  /** `link`: the files stay where the user has them. `copy`: they lie in Lathe's own folder. `made`: Lathe wrote them. */
  origin: z.enum(['link', 'copy', 'made']),
  sizeBytes,
  fileCount: count,
  facts: modelFacts,
  state: modelState,
  hash: modelHash,
  /** Items with the same content, by hash. */
  duplicateIds: z.array(id),
  tags: z.array(z.string()),
  note: z.string(),
  favourite: z.boolean(),
  addedMs: timeMs,
  lastUsedMs: timeMs.nullable(),
});
export type Model = z.output<typeof model>;

/** From what an artefact was made, and how: enough to make it again. */
export const lineage = z.object({
  parents: z.array(
    z.object({
      /** Null when the parent is no longer in the library. */
      modelId: id.nullable(),
      name: z.string(),
      sha256: sha256.nullable(),
      role: z.enum(['source', 'base', 'adapter', 'calibration']),
    }),
  ),
  recipe: z.record(z.string(), z.unknown()).nullable(),
  versions: z.record(z.string(), z.string()),
  children: z.array(z.object({ modelId: id, name: z.string() })),
});

export const modelFile = z.object({ name: z.string(), sizeBytes, sha256: sha256.nullable() });

export const tensorRow = z.object({
  name: z.string(),
  type: z.string(),
  /** Rows first, as PyTorch writes it; a GGUF's reversed dimensions are turned round. */
  shape: z.array(count),
  sizeBytes,
  file: z.string(),
});

/** A metadata value as text, long arrays cut to their first entries. */
export const metadataRow = z.object({ key: z.string(), type: z.string(), value: z.string(), length: count.nullable() });

export const modelDetails = z.object({
  model,
  files: z.array(modelFile),
  lineage,
  chatTemplate: z.string().nullable(),
});

export const importProblem = z.object({ path, error: errorData });

export const libraryEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('changed'), model }),
  z.object({ type: z.literal('removed'), modelId: id }),
]);

const note = z.string().max(100_000);
const tag = z.string().trim().min(1).max(64);

export const library = {
  list: call(none, z.array(model)),
  get: call(z.object({ modelId: id }), modelDetails),
  /** A library id, a name, or a path; a path that is not in the library yet is added by link. */
  find: call(z.object({ reference: z.string().min(1).max(32_767) }), model),
  /** A file, a folder that is a model, or a folder of models: each is added, or named with what is wrong with it. */
  import: stream(
    z.object({ path, mode: z.enum(['link', 'copy']).default('link') }),
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('looking'), path }),
      z.object({ type: z.literal('copying'), path, doneBytes: sizeBytes, totalBytes: sizeBytes }),
      z.object({ type: z.literal('added'), model, alreadyListed: z.boolean() }),
      z.object({ type: z.literal('problem'), problem: importProblem }),
    ]),
  ),
  update: call(
    z.object({
      modelId: id,
      name: z.string().trim().min(1).max(200).optional(),
      note: note.optional(),
      tags: z.array(tag).max(50).optional(),
      favourite: z.boolean().optional(),
    }),
    model,
  ),
  /**
   * Remove the entry, and what becomes of the files: they stay, go into the system's trash (`host.noTrash` where that is not
   * possible; the entry then stays too), or are deleted for good.
   */
  remove: call(
    z.object({ modelId: id, files: z.enum(['keep', 'trash', 'delete']).default('keep') }),
    z.object({ files: z.enum(['kept', 'trashed', 'deleted']) }),
  ),
  /** Look at the files again: a missing one may be back, at the same or at a new path. */
  refresh: call(z.object({ modelId: id, path: path.optional() }), model),
  tensors: call(
    z.object({ modelId: id, offset: count.default(0), limit: z.int().min(1).max(5000).default(1000) }),
    z.object({ total: count, rows: z.array(tensorRow) }),
  ),
  metadata: call(z.object({ modelId: id }), z.array(metadataRow)),
  changes: stream(none, libraryEvent),
};
