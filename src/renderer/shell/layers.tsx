import { lazy, Suspense, useEffect } from 'react';
import { closeDialog, useLayers } from '../layers.ts';

const loadPalette = () => import('../dialogs/palette.tsx');
const Palette = lazy(() => loadPalette().then(({ Palette: component }) => ({ default: component })));
const Shortcuts = lazy(() => import('../dialogs/shortcuts.tsx').then(({ Shortcuts: component }) => ({ default: component })));
const SettingsDialog = lazy(() => import('../dialogs/settings.tsx').then(({ SettingsDialog: component }) => ({ default: component })));
const RemoteDialog = lazy(() => import('../dialogs/remote.tsx').then(({ RemoteDialog: component }) => ({ default: component })));
const LogDialog = lazy(() => import('../dialogs/log.tsx').then(({ LogDialog: component }) => ({ default: component })));
const AddModel = lazy(() => import('../screens/library/add-model.tsx').then(({ AddModel: component }) => ({ default: component })));
const RemoveDialog = lazy(() =>
  import('../screens/library/remove-dialog.tsx').then(({ RemoveDialog: component }) => ({ default: component })),
);
const RenameDialog = lazy(() =>
  import('../screens/library/rename-dialog.tsx').then(({ RenameDialog: component }) => ({ default: component })),
);
const JobsDrawer = lazy(() => import('../jobs/drawer.tsx').then(({ JobsDrawer: component }) => ({ default: component })));

/** After the first screen has had the line to itself. */
const PALETTE_AHEAD_MS = 500;

/** Everything that opens over a screen, fetched when it is first opened. */
export function Layers() {
  const { dialog, jobsOpen } = useLayers();
  // Whoever opens the palette types at once: its code has to be there before.
  useEffect(() => {
    const timer = setTimeout(() => void loadPalette(), PALETTE_AHEAD_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Suspense fallback={null}>
      {jobsOpen && <JobsDrawer />}
      {dialog?.kind === 'palette' && <Palette />}
      {dialog?.kind === 'shortcuts' && <Shortcuts />}
      {dialog?.kind === 'settings' && <SettingsDialog />}
      {dialog?.kind === 'remote' && <RemoteDialog />}
      {dialog?.kind === 'log' && <LogDialog />}
      {dialog?.kind === 'add' && <AddModel path={dialog.path} onClose={closeDialog} />}
      {dialog?.kind === 'remove' && <RemoveDialog modelId={dialog.modelId} onClose={closeDialog} />}
      {dialog?.kind === 'rename' && <RenameDialog modelId={dialog.modelId} onClose={closeDialog} />}
    </Suspense>
  );
}
