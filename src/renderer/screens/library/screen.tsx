import { Button } from '@mantine/core';
import { IconBooks, IconPlus, IconSparkles, IconFilterOff } from '@tabler/icons-react';
import { useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { SplitHandle } from '../../components/split-handle.tsx';
import { startDemo } from '../../jobs/start.ts';
import { openDialog } from '../../layers.ts';
import { prefer, usePreferences } from '../../preferences.ts';
import { useCall } from '../../queries.ts';
import { DropTarget } from './drop-target.tsx';
import { DetailsPane } from './details/pane.tsx';
import { FilterChips } from './filter-chips.tsx';
import { useImports } from './imports.ts';
import { ImportRows } from './import-rows.tsx';
import { LibraryHeader } from './header.tsx';
import { ModelList } from './model-list.tsx';
import { useLibrary } from './use-library.ts';
import { useLibraryCommands } from './use-library-commands.tsx';
import classes from './library.module.css';

/** Every model that Lathe knows, what it is, and what can be done with it. */
export function LibraryScreen() {
  const { t } = useTranslation();
  const view = useLibrary();
  const models = useCall('library.list', {});
  const imports = useImports((state) => state.list);
  const width = usePreferences((state) => state.detailsWidth);
  const filterBox = useRef<HTMLInputElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [wideId, setWideId] = useState<string | null>(null);
  useLibraryCommands(view, () => filterBox.current?.select());

  const isEmpty = models.isSuccess && view.all.length === 0 && imports.length === 0;
  const { selected } = view;
  const wide = selected !== undefined && wideId === selected.id;
  return (
    <DropTarget>
      <div className={classes.screen} data-selected={selected !== undefined || undefined} data-wide={wide || undefined}>
        <div className={classes.listSide}>
          <LibraryHeader view={view} filterBox={filterBox} onLeaveFilter={() => list.current?.focus()} />
          {models.isError && (
            <div className={classes.notice}>
              <ErrorPanel
                error={models.error}
                action={{ label: t('common.retry'), run: () => void models.refetch(), busy: models.isFetching }}
              />
            </div>
          )}
          {isEmpty ? (
            <EmptyState icon={<IconBooks size={22} stroke={1.5} />} title={t('library.empty.title')} text={t('library.empty.text')}>
              <Button leftSection={<IconPlus size={15} />} onClick={() => openDialog({ kind: 'add' })}>
                {t('library.add.title')}
              </Button>
              <Button variant="default" leftSection={<IconSparkles size={15} />} onClick={startDemo}>
                {t('library.createDemo')}
              </Button>
            </EmptyState>
          ) : (
            models.isSuccess && (
              <>
                <FilterChips view={view} />
                <ImportRows imports={imports} />
                {view.shown.length === 0 && view.all.length > 0 ? (
                  <EmptyState
                    icon={<IconFilterOff size={22} stroke={1.5} />}
                    title={t('library.noMatch.title')}
                    text={t('library.noMatch.text')}
                  >
                    <Button variant="default" onClick={view.clear}>
                      {t('library.noMatch.clear')}
                    </Button>
                  </EmptyState>
                ) : (
                  view.all.length > 0 && <ModelList view={view} ref={list} />
                )}
              </>
            )
          )}
        </div>
        {selected !== undefined && (
          <>
            {!wide && (
              <SplitHandle
                label={t('library.details.resize')}
                value={width}
                min={320}
                max={720}
                side="end"
                onChange={(detailsWidth) => prefer({ detailsWidth })}
              />
            )}
            <DetailsPane
              key={selected.id}
              model={selected}
              width={width}
              wide={wide}
              onWide={() => setWideId(wide ? null : selected.id)}
              onClose={() => {
                view.change({ model: undefined });
                list.current?.focus();
              }}
            />
          </>
        )}
      </div>
    </DropTarget>
  );
}
