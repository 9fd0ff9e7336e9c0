import { join } from 'node:path';
import {
  app,
  BrowserWindow,
  dialog,
  ipcMain,
  Menu,
  MessageChannelMain,
  nativeTheme,
  protocol,
  safeStorage,
  session,
  shell,
  utilityProcess,
} from 'electron';
import { connect } from '#contract/connect.ts';
import { contract } from '#contract/index.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { AppError } from '#core/errors/index.ts';
import { openApp, type App } from './app.ts';
import { answerAppRequest, APP_ORIGIN, APP_SCHEME, appSchemePrivileges } from './electron/app-protocol.ts';
import { startUtilityEngine } from './electron/engine-process.ts';
import { guardContents, guardSession } from './electron/guards.ts';
import { electronHost } from './electron/host.ts';
import { enterOpened, modelFilesOf } from './electron/opened-files.ts';
import { answerPages } from './electron/page-port.ts';
import { menuTemplate, windowOptions } from './electron/window.ts';
import { homeFolder } from './home.ts';
import { listFiles } from './http/files.ts';
import { appVersions } from './versions.ts';

/** The desktop app. What it does with Electron's objects stands in `electron/`, where it is tested without Electron. */

const here = import.meta.dirname;
const home = homeFolder();

app.setName('Lathe');
// Chromium's own files (caches, local storage) beside the library, not in a second place of the system's choosing.
app.setPath('userData', join(home, 'window'));
app.enableSandbox();
protocol.registerSchemesAsPrivileged([appSchemePrivileges]);
// For every page there will ever be, before it loads anything.
app.on('web-contents-created', (_event, contents) => guardContents(contents, (url) => shell.openExternal(url)));

let window: BrowserWindow | undefined;

/** macOS names a file before the app is ready; it waits until it can be opened. */
const waiting: string[] = [];
let openFiles = (paths: readonly string[]): void => void waiting.push(...paths);
app.on('open-file', (event, path) => {
  event.preventDefault();
  openFiles([path]);
});

/** Come in through the contract, as everybody does, and show what was opened. */
function fileOpener(lathe: App): (paths: readonly string[]) => void {
  const [ours, theirs] = memoryPorts();
  lathe.answer(theirs);
  const { client } = connect(contract, ours);
  const open = async (paths: readonly string[]): Promise<void> => {
    const { at, problems } = await enterOpened(client.library, paths);
    showWindow();
    const contents = window?.webContents;
    // A page that is still on its way would be broken off.
    if (contents?.isLoading() === true) await new Promise<void>((resolve) => contents.once('did-stop-loading', () => resolve()));
    await window?.loadURL(`${APP_ORIGIN}/#${at}`);
    const texts = problems.map(({ path, error }) => `${path}\n${AppError.from(error).message}`);
    if (texts.length > 0) dialog.showErrorBox('Lathe', texts.join('\n\n'));
  };
  return (paths) => {
    if (paths.length > 0) open(paths).catch((error: unknown) => dialog.showErrorBox('Lathe', String(error)));
  };
}

function openWindow(): void {
  window = new BrowserWindow(windowOptions(join(here, '..', 'preload', 'index.cjs'), nativeTheme.shouldUseDarkColors));
  window.once('ready-to-show', () => window?.show());
  window.once('closed', () => (window = undefined));
  window.loadURL(`${APP_ORIGIN}/`).catch((error: unknown) => dialog.showErrorBox('Lathe', String(error)));
}

function showWindow(): void {
  if (window === undefined) return openWindow();
  if (window.isMinimized()) window.restore();
  window.focus();
}

async function start(): Promise<void> {
  await app.whenReady();
  guardSession(session.defaultSession);
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, app.isPackaged)));
  const files = await listFiles(join(here, '..', 'renderer'));
  protocol.handle(APP_SCHEME, (request) => answerAppRequest(files, request));

  const lathe = await openApp({
    home,
    host: electronHost({
      dialog,
      shell,
      safeStorage,
      window: () => window,
      versions: { ...appVersions(here), electron: process.versions.electron },
    }),
    spawn: (kind, printed) =>
      startUtilityEngine(kind, {
        entry: join(here, 'engine.js'),
        processes: utilityProcess,
        killProcess: (pid) => process.kill(pid, 'SIGKILL'),
        printed,
      }),
  });
  answerPages(
    ipcMain,
    () => new MessageChannelMain(),
    (port) => lathe.answer(port),
  );
  closeBeforeQuit(() => lathe.close());

  openFiles = fileOpener(lathe);
  app.on('second-instance', (_event, args, folder) => {
    showWindow();
    openFiles(modelFilesOf(args, folder));
  });
  app.on('activate', showWindow);
  app.on('window-all-closed', () => {
    // On macOS an app stays until it is told to quit.
    if (process.platform !== 'darwin') app.quit();
  });
  openWindow();
  openFiles([...waiting, ...modelFilesOf(process.argv.slice(1), process.cwd())]);
}

/** Electron quits at once; engines and the database need a moment first. */
function closeBeforeQuit(close: () => Promise<void>): void {
  let isClosed = false;
  app.on('will-quit', (event) => {
    if (isClosed) return;
    event.preventDefault();
    close()
      .catch(() => undefined)
      .finally(() => {
        isClosed = true;
        app.quit();
      });
  });
}

if (app.requestSingleInstanceLock()) {
  start().catch((error: unknown) => {
    dialog.showErrorBox('Lathe could not start', error instanceof Error ? error.message : String(error));
    app.exit(1);
  });
} else app.quit();
