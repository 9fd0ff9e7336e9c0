import { z } from 'zod';
import { sampling, tool } from './chat.ts';
import { call, stream } from './define.ts';
import { count, none, path, sizeBytes, timeMs } from './shared.ts';

export const language = z.enum(['system', 'en', 'zh-CN']);
export const colorScheme = z.enum(['auto', 'light', 'dark']);

/** What the user chose, saved in the library's database. */
export const settings = z.object({
  language: language.default('system'),
  colorScheme: colorScheme.default('auto'),
  importMode: z.enum(['link', 'copy']).default('link'),
  /** Where converted models go unless the user says otherwise; null: Lathe's own folder. */
  outputFolder: path.nullable().default(null),
  /** CPU threads for the engines; null: measured, with one core left free. */
  threads: z.int().min(1).max(1024).nullable().default(null),
  /** A model that nobody has asked for so long is unloaded; null: it stays. */
  unloadAfterMinutes: z.int().min(1).max(1440).nullable().default(null),
  /** Whether diagrams in Mermaid's language are drawn, not only shown as the code that they are. */
  diagrams: z.boolean().default(false),
  /** Ways of sampling that the user gave a name to. */
  samplingPresets: z
    .array(z.object({ name: z.string().trim().min(1).max(60), sampling }))
    .max(100)
    .default([]),
  /** Functions of the user's own that a model may ask for; the user gives the results. */
  tools: z.array(tool).max(50).default([]),
});
export type Settings = z.output<typeof settings>;

/** Only what is to be changed: without the defaults, which would stand in for what is left out. */
const settingsChange = z.object({
  language: language.optional(),
  colorScheme: colorScheme.optional(),
  importMode: settings.shape.importMode.unwrap().optional(),
  outputFolder: settings.shape.outputFolder.unwrap().optional(),
  threads: settings.shape.threads.unwrap().optional(),
  unloadAfterMinutes: settings.shape.unloadAfterMinutes.unwrap().optional(),
  diagrams: settings.shape.diagrams.unwrap().optional(),
  samplingPresets: settings.shape.samplingPresets.unwrap().optional(),
  tools: settings.shape.tools.unwrap().optional(),
});

/** What this program can do where it runs: a browser tab has no file dialog and no file manager. */
export const hostFacts = z.object({
  kind: z.enum(['desktop', 'serve', 'cli']),
  platform: z.enum(['linux', 'darwin', 'win32', 'other']),
  canPickFile: z.boolean(),
  canReveal: z.boolean(),
  hasTrash: z.boolean(),
  home: path,
  modelFolder: path,
  versions: z.record(z.string(), z.string()),
});

export const logEntry = z.object({
  timeMs,
  level: z.enum(['debug', 'info', 'warn', 'error']),
  source: z.string(),
  text: z.string(),
});

/** Memory as the system reports it now. */
export const memorySample = z.object({
  timeMs,
  totalBytes: sizeBytes,
  /** What programs could still take: free, and caches that the system gives back. */
  availableBytes: sizeBytes,
  /** Resident memory of Lathe and its engines. */
  ownBytes: sizeBytes,
  cores: count,
});

export const system = {
  host: call(none, hostFacts),
  settings: call(none, settings),
  changeSettings: call(settingsChange, settings),
  settingsChanges: stream(none, settings),
  memory: stream(none, memorySample),
  disk: call(z.object({ path }), z.object({ path, freeBytes: sizeBytes, totalBytes: sizeBytes })),
  /** Entries of a folder, for the path field's completion where the system has no dialog. */
  listFolder: call(
    z.object({ path: z.string().max(32_767) }),
    z.object({
      path,
      parent: path.nullable(),
      entries: z.array(z.object({ name: z.string(), path, isFolder: z.boolean(), sizeBytes: sizeBytes.nullable() })),
      /** Entries that were left out because the folder holds more than a list can show. */
      omitted: count,
    }),
  ),
  /** The system's dialog; null when the user closed it. Fails with `host.noDialog` where there is none. */
  pick: call(
    z.object({ what: z.enum(['file', 'folder', 'save']), title: z.string(), suggestedName: z.string().optional() }),
    path.nullable(),
  ),
  /** Show a file in the system's file manager. */
  reveal: call(z.object({ path }), none),
  /** The last entries at once, then each new one. */
  log: stream(z.object({ last: z.int().min(0).max(2000).default(200) }), logEntry),
};
