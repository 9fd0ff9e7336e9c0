import { AppError } from '#core/errors/index.ts';
import type { RemoteEngine } from '#contract/remote.ts';
import type { CommandContext } from './command.ts';

/** The remote engines, by name. */
export async function listEngines(context: CommandContext): Promise<RemoteEngine[]> {
  const { remote } = await context.client();
  for await (const engines of remote.engines({}, { signal: context.signal })) return engines;
  throw new AppError('request.cancelled', {});
}

/** The engine with a name, in any case of letters, or an id. Throws `remote.unknownEngine`. */
export async function findEngine(context: CommandContext, reference: string): Promise<RemoteEngine> {
  const wanted = reference.toLowerCase();
  const found = (await listEngines(context)).find(({ id, name }) => id === reference || name.toLowerCase() === wanted);
  if (found === undefined) throw new AppError('remote.unknownEngine', {});
  return found;
}
