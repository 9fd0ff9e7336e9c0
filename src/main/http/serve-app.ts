import { join } from 'node:path';
import { openOnNode } from '../app.ts';
import { startServer } from './server.ts';

export interface ServeOptions {
  readonly home: string;
  /** 0: any free port. */
  readonly port: number;
  /** The folder of the running entry; the page and the engine lie beside it. */
  readonly here: string;
  readonly signal: AbortSignal;
  /** Gets the address, token included, as soon as pages can connect. */
  readonly ready: (address: string) => void;
}

/** Serve the app until the signal; resolves when the services and every connection are closed. */
export async function serveApp({ home, port, here, signal, ready }: ServeOptions): Promise<void> {
  const app = await openOnNode({ home, here, kind: 'serve' });
  try {
    const server = await startServer({
      root: join(here, '..', 'renderer'),
      port,
      onPort: (opened) => app.answer(opened),
      api: app.api.handle,
    });
    try {
      app.api.mount(server.port);
      ready(server.address);
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    } finally {
      await server.close();
    }
  } finally {
    await app.close();
  }
}
