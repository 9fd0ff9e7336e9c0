import { join } from 'node:path';
import { XorShift32 } from '#core/demo/random.ts';
import type { Port } from '#contract/wire.ts';
import { mutate } from '#test/mutate.ts';
import { openFaultApp } from './app.ts';
import { databaseProblems, keptProblems, leftoverProblems } from './check.ts';
import { works } from './works.ts';
import type { World } from './world.ts';

/** Engines that say what they should not, or nothing any more: the work ends with an error, and can be gone on with. */

export const faults = ['corrupted', 'stalled'] as const;

export interface MessageRound {
  readonly fault: (typeof faults)[number];
  /** Which message of the engine, counted from its greeting. */
  readonly message: number;
  readonly left: string;
  readonly problems: readonly string[];
}

/** A port whose n-th message comes damaged. */
function damagedPort(port: Port, message: number, random: () => number): Port {
  let count = 0;
  const damage = (text: string): string => {
    const bytes = mutate(new TextEncoder().encode(text), random, [
      '"',
      '{',
      '}',
      ',',
      '"id":1',
      '"done"',
      '"event"',
      'null',
      '-1',
      '1e999',
    ]);
    return new TextDecoder().decode(bytes);
  };
  return {
    send: port.send,
    close: port.close,
    onClose: port.onClose,
    onMessage: (listener) => port.onMessage((text) => listener(count++ === message ? damage(text) : text)),
  };
}

/** An engine whose answer never comes is not told from one that is slow: then the user cancels. */
const PATIENCE_MS = 8000;

/** Let one message of the engine come damaged, or let the engine stop after it; then look, and go on with the work. */
export async function disturbOnce(world: World, fault: MessageRound['fault'], message: number, seed: number): Promise<MessageRound> {
  const next = new XorShift32(seed);
  const random = (): number => next.next() / 2 ** 32;
  const work = works['quantize'];
  if (work === undefined) throw new Error('There is no such work.');
  let isFirst = true;
  const app = await openFaultApp(world.home, {
    pingIntervalMs: 100,
    pingTimeoutMs: 1500,
    started: (_, engine) => {
      if (!isFirst) return undefined;
      isFirst = false;
      if (fault === 'corrupted') return { ...engine, port: damagedPort(engine.port, message, random) };
      let count = 0;
      const { port, pid } = engine;
      const stop = (): void => {
        if (count++ === message && pid !== undefined) process.kill(pid, 'SIGSTOP');
      };
      return { ...engine, port: { ...port, onMessage: (listener) => port.onMessage((text) => (stop(), listener(text))) } };
    },
  });
  const problems: string[] = [];
  let left = '';
  try {
    const output = join(world.outputs, `${fault}-${message}-${seed}`);
    let begun: Awaited<ReturnType<typeof work.begin>> | undefined;
    try {
      begun = await work.begin(app.client, world, output);
    } catch (error) {
      // The work is planned by the engine, too.
      left = `refused ${error instanceof Error && 'code' in error ? String(error.code) : String(error)}`;
      if (!/^refused (reply|engine|transport|request)\./.test(left)) problems.push(left);
    }
    if (begun?.jobId !== undefined && begun.jobId !== null) {
      const { jobId, ended } = begun;
      const patience = setTimeout(() => void app.client.jobs.cancel({ jobId }).catch(() => undefined), PATIENCE_MS);
      left = await ended;
      clearTimeout(patience);
      if (!/^(done|cancelled|failed (reply|engine|transport|request)\.\w+)$/.test(left)) problems.push(`the job ended with ${left}`);
      if (!left.startsWith('done')) await app.client.jobs.resume({ jobId });
      for await (const job of app.client.jobs.watch({ jobId }))
        if (job.finishedMs !== null && job.state !== 'done') problems.push(`gone on with: ${job.state} ${job.error?.code}`);
    } else {
      const again = await work.begin(app.client, world, output);
      if ((await again.ended) !== 'done') problems.push('the next work did not end well');
    }
    problems.push(...(await keptProblems(app.client, world)), ...(await leftoverProblems(app.client, world)));
    await app.client.jobs.clear({});
  } finally {
    await app.close();
  }
  problems.push(...databaseProblems(world.home));
  return { fault, message, left, problems };
}
