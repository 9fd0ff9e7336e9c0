import { AppError } from '#core/errors/index.ts';
import { connect, type Connection } from '#contract/connect.ts';
import { engineContracts, type EngineKind } from '#contract/engine.ts';
import type { Client } from '#contract/define.ts';
import type { Port } from '#contract/wire.ts';
import type { EngineExit, EngineProcess } from './process.ts';

export type EngineContract<K extends EngineKind> = (typeof engineContracts)[K];
export type EngineClient<K extends EngineKind> = Client<EngineContract<K>>;
/** What every kind of engine answers. */
type HealthContract = Pick<EngineContract<EngineKind>, 'health'>;

export type EngineLogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface SlotOptions {
  readonly spawn: () => EngineProcess;
  readonly log: (level: EngineLogLevel, text: string) => void;
  /** The engine started, or ended: with the error that its open requests got, or undefined where it was asked to stop. */
  readonly changed: (state: { readonly running: boolean; readonly error: AppError | undefined }) => void;
  readonly nowMs: () => number;
  readonly handshakeTimeoutMs: number;
  readonly pingIntervalMs: number;
  /** Work of the engine that blocks its event loop must stay well below this. */
  readonly pingTimeoutMs: number;
  /** Stop the engine after this long without a request; null: never, because it holds something worth keeping. */
  readonly idleMs: number | null;
  readonly crashLimit: number;
  readonly crashWindowMs: number;
}

/** After being asked to stop, an engine may finish removing what it has half written. */
const STOP_GRACE_MS = 3000;

/** The place of one engine: starts it on demand, watches it, and knows how it died. At most one process at a time. */
export class EngineSlot<K extends EngineKind> {
  private readonly kind: K;
  private readonly options: SlotOptions;
  private running: RunningEngine<K> | undefined;
  private crashesMs: number[] = [];
  private closed = false;

  constructor(kind: K, options: SlotOptions) {
    this.kind = kind;
    this.options = options;
  }

  /** The engine's client; starts the engine if it does not run. Throws `engine.*` errors. */
  async client(): Promise<EngineClient<K>> {
    while (this.running?.isEnding() === true) await this.running.ended;
    const engine = (this.running ??= this.start());
    await engine.ready;
    engine.touch();
    return engine.client;
  }

  /** Stop the engine, if it runs; the next demand starts a new one. Its open requests end with `engine.stopped`. */
  async stop(): Promise<void> {
    await this.running?.stop();
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.stop();
  }

  get pid(): number | undefined {
    return this.running?.pid;
  }

  /** The process's memory at the last ping; null when it does not run. */
  get residentBytes(): number | null {
    return this.running?.residentBytes ?? null;
  }

  private start(): RunningEngine<K> {
    const engine = this.kind;
    if (this.closed) throw new AppError('engine.stopped', { engine });
    const { nowMs, crashLimit, crashWindowMs } = this.options;
    const now = nowMs();
    this.crashesMs = this.crashesMs.filter((timeMs) => now - timeMs < crashWindowMs);
    const oldest = this.crashesMs.at(-crashLimit);
    if (oldest !== undefined)
      throw new AppError('engine.unstable', { engine, crashes: this.crashesMs.length, retryMs: oldest + crashWindowMs - now });
    const running = new RunningEngine(this.kind, this.options);
    this.options.changed({ running: true, error: undefined });
    void running.ended.then((error) => {
      this.running = undefined;
      if (error !== undefined) this.crashesMs.push(nowMs());
      this.options.changed({ running: false, error });
    });
    return running;
  }
}

/** One life of an engine, from its start to its exit. */
class RunningEngine<K extends EngineKind> {
  readonly client: EngineClient<K>;
  readonly ready: Promise<void>;
  /** Resolves when the process is gone: with the error of an end that nobody asked for. */
  readonly ended: Promise<AppError | undefined>;
  residentBytes: number | null = null;
  private readonly kind: K;
  private readonly options: SlotOptions;
  private readonly process: EngineProcess;
  private readonly connection: Connection<EngineContract<K>>;
  private readonly health: Client<HealthContract>['health'];
  /** Why the process was ended from here, if it was. */
  private verdict: AppError | undefined;
  private exit: EngineExit = { code: null, signal: null };
  private pings: NodeJS.Timeout | undefined;
  private pinging = false;
  private lastUsedMs: number;

  constructor(kind: K, options: SlotOptions) {
    this.kind = kind;
    this.options = options;
    this.lastUsedMs = options.nowMs();
    try {
      this.process = options.spawn();
    } catch (error) {
      throw new AppError('engine.startFailed', { engine: kind, problem: error instanceof Error ? error.message : String(error) });
    }
    // The port's end is passed on when it is known how the process died, so that open requests can say it.
    const { port, exited } = this.process;
    const untilExit: Port = {
      send: port.send,
      onMessage: port.onMessage,
      close: port.close,
      onClose: (closed) => port.onClose(() => void exited.then((exit) => ((this.exit = exit), closed()))),
    };
    // A union of contracts cannot be told apart inside a generic class; each has the health group.
    const connection = connect(engineContracts[kind] as HealthContract, untilExit, { closedError: () => this.ending() });
    this.health = connection.client.health;
    this.connection = connection as unknown as Connection<EngineContract<K>>;
    this.client = this.connection.client;
    this.ready = connection.ready;
    this.ended = this.afterEnd();
    // Whatever ends it ends the connection too, and is dealt with there.
    this.watch().catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  isEnding(): boolean {
    return this.verdict !== undefined || this.connection.isClosed();
  }

  /** A request is about to come: the engine is not idle. */
  touch(): void {
    this.lastUsedMs = this.options.nowMs();
  }

  /** Ask the engine to end, and end it when it does not. Resolves when its process is gone. */
  async stop(): Promise<void> {
    this.verdict ??= new AppError('engine.stopped', { engine: this.kind });
    this.connection.close(this.verdict);
    await this.ended;
  }

  /** What open requests end with: the reason it was ended for, or how it died. */
  private ending(): AppError {
    return this.verdict ?? crash(this.kind, this.exit);
  }

  private async afterEnd(): Promise<AppError | undefined> {
    await this.connection.closed;
    clearInterval(this.pings);
    const asked = this.verdict?.code === 'engine.stopped';
    // An engine that was asked disconnects and exits; one that broke the protocol may be alive and is not trusted.
    const grace = setTimeout(this.process.kill, asked ? STOP_GRACE_MS : 0);
    this.exit = await this.process.exited;
    clearTimeout(grace);
    if (asked) return undefined;
    const error = this.ending();
    this.options.log('error', error.message);
    return error;
  }

  private async watch(): Promise<void> {
    const { handshakeTimeoutMs, pingIntervalMs, log } = this.options;
    const limit = setTimeout(
      () => this.condemn(new AppError('engine.startTimeout', { engine: this.kind, limitMs: handshakeTimeoutMs })),
      handshakeTimeoutMs,
    );
    try {
      await this.ready;
    } finally {
      clearTimeout(limit);
    }
    // Starting is not idling.
    this.touch();
    this.pings = setInterval(() => void this.ping(), pingIntervalMs);
    void this.ping();
    for await (const { level, text } of this.health.log({})) log(level, text);
  }

  private async ping(): Promise<void> {
    if (this.pinging || this.isEnding()) return;
    const { pingTimeoutMs, idleMs, nowMs } = this.options;
    // The log stream is always open.
    if (this.connection.openRequests() > 1) this.touch();
    else if (idleMs !== null && nowMs() - this.lastUsedMs >= idleMs) return this.stop();
    this.pinging = true;
    const limit = setTimeout(() => {
      // An answer may lie unread where this process itself was busy: let it be read before the verdict.
      setImmediate(() => {
        if (this.pinging) this.condemn(new AppError('engine.hung', { engine: this.kind, waitedMs: pingTimeoutMs }));
      });
    }, pingTimeoutMs);
    try {
      this.residentBytes = (await this.health.ping({})).residentBytes;
    } catch {
      // The end of the connection says why.
    } finally {
      clearTimeout(limit);
      this.pinging = false;
    }
  }

  private condemn(error: AppError): void {
    if (this.isEnding()) return;
    this.verdict = error;
    this.process.kill();
  }
}

/** What an exit that nobody asked for is called. */
function crash(engine: EngineKind, { code, signal }: EngineExit): AppError {
  if (code === null && signal === null) return new AppError('engine.startFailed', { engine, problem: 'the program was not found' });
  return new AppError('engine.crashed', { engine, reason: signal ?? `exit code ${code}` });
}
