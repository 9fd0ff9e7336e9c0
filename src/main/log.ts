import { existsSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { MiB } from '#core/bytes.ts';
import { listeners } from './changes.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface LogEntry {
  readonly timeMs: number;
  readonly level: LogLevel;
  /** Who says it: `jobs`, `library`, `engine.tensor`. */
  readonly source: string;
  readonly text: string;
}

/** What happened, for the user's eyes and for reports of errors. Nobody writes prompts, answers or tokens of access into it. */
export interface Log {
  write(level: LogLevel, source: string, text: string): void;
  /** The newest entries, oldest first. */
  last(count: number): LogEntry[];
  /** Called with every entry from now on. Returns what ends that. */
  subscribe(listener: (entry: LogEntry) => void): () => void;
  /** Resolves when everything is in the file. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** Is made when it is not there. */
  readonly folder: string;
  readonly clock?: () => number;
  /** A file that is larger when the program starts becomes `lathe.1.log`. */
  readonly limitBytes?: number;
}

/** What a screen can show, and what goes into a report. */
const KEPT_ENTRIES = 2000;
/** The present file and two older ones. */
const KEPT_FILES = 3;
/** About 50,000 lines. */
const LIMIT_BYTES = 8 * MiB;
/** A library that prints a whole file by mistake must not fill the memory: a longer text is cut. */
const LONGEST_TEXT = 4000;

/** Open the log. Never throws, nor fails later: a program whose log cannot be written still does its work. */
export function openLog({ folder, clock = Date.now, limitBytes = LIMIT_BYTES }: LogOptions): Log {
  const entries: LogEntry[] = [];
  const subscribers = listeners<LogEntry>();
  const file = openFile(folder, limitBytes);
  const logger = file === null ? null : pino({ base: null, level: 'debug', timestamp: false }, file);
  return {
    write: (level, source, text) => {
      const entry = { timeMs: clock(), level, source, text: text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text };
      entries.push(entry);
      if (entries.length > KEPT_ENTRIES) entries.shift();
      logger?.[level]({ time: entry.timeMs, source }, entry.text);
      subscribers.emit(entry);
    },
    last: (count) => (count === 0 ? [] : entries.slice(-count)),
    subscribe: subscribers.add,
    close: () =>
      new Promise((resolve) => {
        if (file === null) return resolve();
        file.once('close', resolve);
        file.once('error', () => resolve());
        file.end();
      }),
  };
}

type LogFile = ReturnType<typeof pino.destination>;

function openFile(folder: string, limitBytes: number): LogFile | null {
  const path = join(folder, 'lathe.log');
  try {
    mkdirSync(folder, { recursive: true });
    rotate(folder, path, limitBytes);
    // Opened here: pino throws at the program's end when a file that it was to open never opened.
    const file = pino.destination({ dest: openSync(path, 'a'), sync: false });
    // A full disk: the entries stay on the screen.
    file.on('error', () => undefined);
    return file;
  } catch {
    return null;
  }
}

function rotate(folder: string, path: string, limitBytes: number): void {
  if (!existsSync(path) || statSync(path).size <= limitBytes) return;
  const numbered = (number: number): string => join(folder, `lathe.${number}.log`);
  rmSync(numbered(KEPT_FILES - 1), { force: true });
  for (let number = KEPT_FILES - 2; number >= 1; number -= 1)
    if (existsSync(numbered(number))) renameSync(numbered(number), numbered(number + 1));
  renameSync(path, numbered(1));
}
