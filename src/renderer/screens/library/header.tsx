import { Button, Menu, TextInput } from '@mantine/core';
import { IconAdjustmentsHorizontal, IconCheck, IconPlus, IconSearch, IconX } from '@tabler/icons-react';
import type { RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { Kbd } from '../../components/kbd.tsx';
import { useFormat } from '../../format.ts';
import { openDialog } from '../../layers.ts';
import { prefer, usePreferences, type LibrarySort } from '../../preferences.ts';
import { useCall } from '../../queries.ts';
import type { LibraryView } from './use-library.ts';
import classes from './library.module.css';

const SORTS: readonly LibrarySort[] = ['used', 'added', 'name', 'parameters', 'size'];

interface Props {
  readonly view: LibraryView;
  readonly filterBox: RefObject<HTMLInputElement | null>;
  readonly onLeaveFilter: () => void;
}

/** Title, what it all weighs, the filter box, and the way to add. */
export function LibraryHeader({ view, filterBox, onLeaveFilter }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const { librarySort, libraryGrouped } = usePreferences();
  const { data: host } = useCall('system.host', {});
  const { data: disk } = useCall('system.disk', { path: host?.modelFolder ?? '' }, { enabled: host !== undefined });
  const totalBytes = view.all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

  return (
    <header className={classes.header}>
      <div className={classes.heading}>
        <ScreenTitle className={classes.title}>{t('screens.library')}</ScreenTitle>
        <p className={`${classes.totals} num`}>
          {[
            view.all.length > 0 ? t('library.count', { count: view.all.length }) : null,
            view.all.length > 0 ? format.bytes(totalBytes) : null,
            disk === undefined ? null : t('library.free', { size: format.bytes(disk.freeBytes) }),
          ]
            .filter((part) => part !== null)
            .join('  ·  ')}
        </p>
      </div>
      {view.all.length > 0 && (
        <>
          <TextInput
            ref={filterBox}
            className={classes.filterBox ?? ''}
            type="search"
            aria-label={t('library.filter')}
            placeholder={t('library.filter')}
            value={view.search.q ?? ''}
            onChange={(event) => view.change({ q: event.currentTarget.value })}
            onKeyDown={(event) => {
              if (event.key === 'Escape' && view.search.q !== undefined) view.change({ q: undefined });
              else if (event.key === 'ArrowDown' || event.key === 'Enter' || event.key === 'Escape') onLeaveFilter();
              else return;
              event.preventDefault();
            }}
            leftSection={<IconSearch size={15} stroke={1.8} />}
            rightSection={
              view.search.q === undefined ? (
                <Kbd keys="/" />
              ) : (
                <IconButton size={22} label={t('library.clearFilter')} onClick={() => view.change({ q: undefined })}>
                  <IconX size={14} />
                </IconButton>
              )
            }
          />
          <Menu position="bottom-end" closeOnItemClick={false}>
            <Menu.Target>
              <IconButton label={t('library.view')} variant="default" size={30}>
                <IconAdjustmentsHorizontal size={16} stroke={1.7} />
              </IconButton>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Label>{t('library.sortBy')}</Menu.Label>
              {SORTS.map((sort) => (
                <Menu.Item
                  key={sort}
                  role="menuitemradio"
                  aria-checked={librarySort === sort}
                  rightSection={librarySort === sort ? <IconCheck size={14} /> : undefined}
                  onClick={() => prefer({ librarySort: sort })}
                >
                  {t(`library.sorts.${sort}`)}
                </Menu.Item>
              ))}
              <Menu.Divider />
              <Menu.Item
                role="menuitemcheckbox"
                aria-checked={libraryGrouped}
                rightSection={libraryGrouped ? <IconCheck size={14} /> : undefined}
                onClick={() => prefer({ libraryGrouped: !libraryGrouped })}
              >
                {t('library.group')}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </>
      )}
      <Button leftSection={<IconPlus size={15} stroke={2} />} onClick={() => openDialog({ kind: 'add' })}>
        {t('library.add.title')}
      </Button>
    </header>
  );
}
