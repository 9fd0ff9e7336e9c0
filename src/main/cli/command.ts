import type { AppClient } from '#contract/index.ts';
import type { LineReader } from './line-reader.ts';

/** One option, as it is parsed and as it stands in the help. */
export interface OptionSpec {
  /** A switch has no value. */
  readonly type: 'string' | 'boolean';
  /** What the value is, in capitals: `FILE`. */
  readonly value?: string;
  /** May be given several times; the value is then a list. */
  readonly multiple?: true;
  readonly help: string;
}

export type Options = Readonly<Record<string, OptionSpec>>;

/** The parsed values by option name. */
export type Values<O extends Options> = {
  readonly [K in keyof O]?: O[K]['type'] extends 'boolean' ? boolean : O[K] extends { readonly multiple: true } ? string[] : string;
};

/** What a command has to say: one JSON document, and the same for people. */
export interface Answer {
  /** Undefined: nothing is left to say. */
  readonly json: unknown;
  readonly text: string;
  /** 1 where the question was answered, and the answer is bad news: files that do not match. */
  readonly exitCode?: 0 | 1;
}

/** What a command works with. */
export interface CommandContext {
  /** The contract, over services that are opened on first use. */
  client(): Promise<AppClient>;
  /** Of Lathe itself. */
  readonly version: string;
  /** Aborts at Ctrl+C. */
  readonly signal: AbortSignal;
  /** A path as the user wrote it, made absolute from where the user is. */
  resolvePath(path: string): string;
  /** Show how far the work is, on a terminal; nothing elsewhere. */
  progress(text: string): void;
  /** Write a part of the answer as it comes; nothing with --json. */
  live(text: string): void;
  /** Say something beside the answer: on stderr, so that a pipe carries the answer alone. */
  note(text: string): void;
  /** Read what the user types; on a terminal Ctrl+C goes to `interrupt`. */
  lines(interrupt: () => void): LineReader;
  /** Serve the app until the signal; resolves when everything is closed. */
  serve(port: number, showKey: boolean): Promise<void>;
}

export interface Command<O extends Options = Options> {
  /**
   * Names of the arguments in order, in capitals; in brackets where one may be left out, small where it is a word to be written. The last one
   * may end in `…`: then it is one or more.
   */
  readonly args: readonly string[];
  readonly options: O;
  /** More for the help, after the options. */
  readonly notes?: string;
  run(context: CommandContext, args: readonly string[], values: Values<O>): Promise<Answer>;
}

/** Lets a command's `run` see the types of its own options. */
export const defineCommand = <const O extends Options>(command: Command<O>): Command => command;
