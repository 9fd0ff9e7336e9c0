import { connect } from '#contract/connect.ts';
import { contract } from '#contract/index.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { untilInterrupted } from '../interrupt.ts';
import { appVersions } from '../versions.ts';
import { openLineReader } from './line-reader.ts';
import { runCli } from './run.ts';

/**
 * Run one command in this process. Returns the exit code.
 * @param here the folder of the running entry: the page, the engine and package.json are found from there
 */
export function main(args: readonly string[], here: string): Promise<number> {
  // Whoever reads the output may leave early: `lathe models | head -1`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return runCli({
    args,
    cwd: process.cwd(),
    version: appVersions(here)['lathe'] ?? '',
    stdout: process.stdout,
    stderr: process.stderr,
    signal: untilInterrupted(),
    lines: (interrupt) => openLineReader({ input: process.stdin, output: process.stdout }, interrupt),
    // Loaded when they are used: help and wrong usage need neither the database nor the server.
    open: async (home) => {
      const { openOnNode } = await import('../app.ts');
      const app = await openOnNode({ home, here, kind: 'cli' });
      const [ours, theirs] = memoryPorts();
      app.answer(theirs);
      return { client: connect(contract, ours).client, close: () => app.close() };
    },
    serve: async (home, port, signal, ready) => {
      const { serveApp } = await import('../http/serve-app.ts');
      await serveApp({ home, port, here, signal, ready });
    },
  });
}
