import { join } from 'node:path';
import { openOnNode } from '../app.ts';
import type { ApiAccess } from '../openai/index.ts';
import { startServer } from './server.ts';

/** Where the served app is found. */
export interface Served {
  /** The page's, token included. */
  readonly address: string;
  readonly api: ApiAccess;
}

export interface ServeOptions {
  readonly home: string;
  /** 0: any free port. */
  readonly port: number;
  /** The folder of the running entry; the page and the engine lie beside it. */
  readonly here: string;
  readonly signal: AbortSignal;
  /** Called as soon as pages and programs can connect. */
  readonly ready: (served: Served) => void;
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
      ready({ address: server.address, api: app.api.mount(server.port) });
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
