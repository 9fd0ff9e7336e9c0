import { resolve } from 'node:path';
import { parseArgs, styleText } from 'node:util';
import { describeError, toErrorData } from '#core/errors/index.ts';
import type { AppClient } from '#contract/index.ts';
import { homeFolder } from '../home.ts';
import type { Served } from '../http/serve-app.ts';
import type { Answer, Command, CommandContext, Options, Values } from './command.ts';
import { commandHelp, generalHelp, globalOptions } from './help.ts';
import type { LineReader } from './line-reader.ts';
import { registry } from './registry.ts';
import { fit, printable } from './text.ts';
import { usage } from './values.ts';

interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What the command line stands in: the process's own, or a test's. */
export interface CliWorld {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly version: string;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborts at Ctrl+C. */
  readonly signal: AbortSignal;
  open(home: string): Promise<{ readonly client: AppClient; close(): Promise<void> }>;
  /** What the user types. */
  lines(interrupt: () => void): LineReader;
  /** Serve until the signal; `ready` gets the addresses. */
  serve(home: string, port: number, signal: AbortSignal, ready: (served: Served) => void): Promise<void>;
}

/** As shells count a process that SIGINT ended: 128 + 2. */
const INTERRUPTED = 130;

/** Run one command. Returns the exit code; whatever goes wrong is said on stderr. */
export async function runCli(world: CliWorld): Promise<number> {
  const isJson = world.args.includes('--json');
  try {
    return await runCommand(world, isJson);
  } catch (error) {
    if (world.signal.aborted && toErrorData(error).code === 'request.cancelled') return INTERRUPTED;
    world.stderr.write(isJson ? errorJson(error) : errorText(error, world.stderr));
    return 1;
  }
}

async function runCommand(world: CliWorld, isJson: boolean): Promise<number> {
  const say = (text: string): void => void world.stdout.write(`${text}\n`);
  const at = commandIndex(world.args);
  const name = world.args[at];
  if (name === undefined) {
    const { values } = parse(world.args, globalOptions);
    if (values.version === true) return (say(world.version), 0);
    if (values.help === true) return (say(generalHelp()), 0);
    throw usage('no command was given');
  }
  const entry = Object.hasOwn(registry, name) ? registry[name] : undefined;
  if (entry === undefined) throw usage(`there is no command '${printable(name)}'`);
  const command = await entry.load();
  const { values, positionals } = parse(world.args.toSpliced(at, 1), { ...command.options, ...globalOptions });
  if (values.help === true) return (say(commandHelp(name, command)), 0);
  checkArguments(command, positionals);

  const home = homeFolder(values.home);
  const { context, close } = openContext(world, home, isJson);
  let answer: Answer;
  try {
    answer = await command.run(context, positionals, values);
  } finally {
    await close();
  }
  if (isJson && answer.json !== undefined) say(JSON.stringify(answer.json, null, 2));
  if (!isJson && answer.text !== '') say(answer.text);
  return answer.exitCode ?? 0;
}

function openContext(world: CliWorld, home: string, isJson: boolean): { context: CommandContext; close: () => Promise<void> } {
  const { stdout, stderr } = world;
  let app: ReturnType<CliWorld['open']> | undefined;
  let shown = '';
  const context: CommandContext = {
    client: async () => (await (app ??= world.open(home))).client,
    version: world.version,
    signal: world.signal,
    resolvePath: (path) => resolve(world.cwd, path),
    progress: (text) => {
      if (stderr.isTTY !== true || text === shown) return;
      shown = text;
      // Back to the line's start, and erase it.
      stderr.write(`\r\u001b[2K${fit(printable(text), (stderr.columns ?? 80) - 1)}`);
    },
    live: (text) => {
      if (!isJson) stdout.write(text);
    },
    note: (text) => void stderr.write(`${text}\n`),
    lines: world.lines,
    serve: (port, showKey) =>
      world.serve(home, port, world.signal, ({ address, api }) => {
        const { key, ...shown } = api;
        if (isJson) return void stdout.write(`${JSON.stringify({ address, api: showKey ? api : shown })}\n`);
        const theKey = showKey ? `with the key ${key}` : `with the key in ${printable(api.keyPath)}`;
        stdout.write(`Lathe is at ${address}\nOther programs: ${api.address} ${theKey}\n`);
      }),
  };
  return { context, close: async () => (await app)?.close() };
}

/** Where the command's name stands: the first word that is no option, nor the value of one. */
function commandIndex(args: readonly string[]): number {
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (arg === '--home') index += 1;
    else if (!arg.startsWith('-')) return index;
  }
  return -1;
}

/** `--group-size -1` means a number; parseArgs would take it for an option. */
function joinNumbers(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const option = joined.at(-1);
    if (/^-[\d.]/.test(arg) && option !== undefined && /^--[^=]+$/.test(option)) joined[joined.length - 1] = `${option}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function parse<O extends Options>(args: readonly string[], options: O): { values: Values<O>; positionals: string[] } {
  try {
    const { values, positionals } = parseArgs({ args: joinNumbers(args), options, allowPositionals: true, strict: true });
    return { values, positionals };
  } catch (error) {
    // Node's message explains itself in its first sentence.
    const [problem = ''] = (error as Error).message.split(/\.\s|\.$|\n/);
    throw usage(problem.charAt(0).toLowerCase() + problem.slice(1));
  }
}

function checkArguments(command: Command, positionals: readonly string[]): void {
  const missing = command.args[positionals.length];
  if (missing !== undefined && !missing.startsWith('[')) throw usage(`${missing} is missing`);
  const extra = positionals[command.args.length];
  if (extra !== undefined && !isList(command.args.at(-1))) throw usage(`'${printable(extra)}' is one argument too many`);
}

/** `MODEL…` takes all that follows. */
const isList = (name: string | undefined): boolean => name?.replace(/\]$/, '').endsWith('…') ?? false;

function errorJson(error: unknown): string {
  const data = toErrorData(error);
  const { what, safe, next } = describeError(data);
  const detail = data.detail === undefined ? {} : { detail: data.detail };
  return `${JSON.stringify({ code: data.code, message: what, params: data.params, safe, next, ...detail })}\n`;
}

function errorText(error: unknown, stderr: Output): string {
  const data = toErrorData(error);
  const { what, safe, next } = describeError(data);
  const headline = stderr.isTTY === true ? styleText('red', printable(what)) : printable(what);
  // An error that nobody foresaw is only of use with where it came from.
  const detail = data.code === 'internal.unexpected' && data.detail !== undefined ? `${data.detail}\n` : '';
  return `${headline}\n${printable(safe)} ${printable(next)}\n${detail}`;
}
