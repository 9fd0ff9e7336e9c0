import { IconFileImport } from '@tabler/icons-react';
import { useState, type DragEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { openDialog } from '../../layers.ts';
import { droppedPath, hasDroppable } from './dropped.ts';
import classes from './library.module.css';

/** The whole screen takes what is dropped on it. */
export function DropTarget({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation();
  // Entering a child fires before leaving its parent: what counts is how many are entered and not left.
  const [depth, setDepth] = useState(0);
  const guard = (act: () => void) => (event: DragEvent) => {
    if (!hasDroppable(event.dataTransfer)) return;
    event.preventDefault();
    act();
  };
  return (
    <div
      className={classes.drop}
      role="presentation"
      onDragEnter={guard(() => setDepth(depth + 1))}
      onDragLeave={guard(() => setDepth(Math.max(0, depth - 1)))}
      onDragOver={guard(() => undefined)}
      onDrop={(event) => {
        guard(() => setDepth(0))(event);
        if (hasDroppable(event.dataTransfer)) openDialog({ kind: 'add', path: droppedPath(event.dataTransfer) });
      }}
    >
      {children}
      {depth > 0 && (
        <div className={classes.dropHint}>
          <IconFileImport size={28} stroke={1.5} aria-hidden />
          {t('library.add.drop')}
        </div>
      )}
    </div>
  );
}
