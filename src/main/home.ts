import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

interface Machine {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly userFolder: string;
}

const thisMachine = (): Machine => ({ platform: process.platform, env: process.env, userFolder: homedir() });

/**
 * The data folder: the one asked for, else LATHE_HOME, else where programs of the system keep their data. The desktop app,
 * `serve` and the command line all ask here, so that they share one library.
 */
export function homeFolder(asked?: string, machine: Machine = thisMachine()): string {
  const chosen = asked ?? machine.env['LATHE_HOME'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  return conventionalFolder(machine);
}

function conventionalFolder({ platform, env, userFolder }: Machine): string {
  if (platform === 'win32') return join(env['LOCALAPPDATA'] ?? join(userFolder, 'AppData', 'Local'), 'Lathe');
  if (platform === 'darwin') return join(userFolder, 'Library', 'Application Support', 'Lathe');
  // The XDG base directory specification: a value that is not absolute is to be ignored.
  const data = env['XDG_DATA_HOME'];
  return join(data?.startsWith('/') === true ? data : join(userFolder, '.local', 'share'), 'lathe');
}
