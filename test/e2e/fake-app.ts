import { fileURLToPath } from 'node:url';
import { contract, type AppHandlers } from '#contract/index.ts';
import { serve } from '#contract/serve.ts';
import { startServer, type Server } from '#main/http/server.ts';
import { fakeHandlers, type FakeOptions } from './fake-handlers.ts';

const built = fileURLToPath(new URL('../../out/renderer', import.meta.url));

/** The built page on the real server, with a stand-in for the program behind it. */
export async function startFakeApp(options: FakeOptions, root: string = built): Promise<Server & { readonly handlers: AppHandlers }> {
  const handlers = fakeHandlers(options);
  const server = await startServer({ root, port: 0, onPort: (port) => void serve(contract, handlers, port) });
  return { ...server, handlers };
}
