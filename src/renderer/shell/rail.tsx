import { useMediaQuery } from '@mantine/hooks';
import { IconLayoutSidebar, IconSearch, IconSettings } from '@tabler/icons-react';
import { Link, useRouterState } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../components/icon-button.tsx';
import { Kbd } from '../components/kbd.tsx';
import { Mark } from '../components/mark.tsx';
import { openDialog } from '../layers.ts';
import { prefer, usePreferences } from '../preferences.ts';
import { screens } from '../screens/list.tsx';
import { JobsButton } from './jobs-button.tsx';
import { LanguageSwitch, ThemeSwitch } from './switches.tsx';
import { MemoryMeter } from './memory-meter.tsx';
import { RailTip } from './rail-tip.tsx';
import classes from './rail.module.css';

/** Narrower windows (and a zoom of 200 %) leave the words out. */
const NARROW = '(max-width: 62rem)';

/** Whether the rail shows icons alone. */
export function useRailFolded(): { folded: boolean; narrow: boolean } {
  const chosen = usePreferences((state) => state.railFolded);
  const narrow = useMediaQuery(NARROW) ?? false;
  return { folded: chosen || narrow, narrow };
}

/** What is always there: the screens, the work under way, the memory, and the few settings that one changes in passing. */
export function Rail() {
  const { t } = useTranslation();
  const { folded, narrow } = useRailFolded();
  const current = useRouterState({ select: ({ location }) => location.pathname.split('/')[1] });
  return (
    <aside className={classes.rail} data-folded={folded || undefined} aria-label={t('rail.label')}>
      <div className={classes.head}>
        <Mark size={22} />
        {!folded && <span className={classes.name}>Lathe</span>}
        {!narrow && (
          <IconButton
            size={26}
            className={classes.foldButton ?? ''}
            label={t(folded ? 'rail.unfold' : 'rail.fold')}
            keys="mod+b"
            onClick={() => prefer({ railFolded: !folded })}
          >
            <IconLayoutSidebar size={16} stroke={1.7} />
          </IconButton>
        )}
      </div>
      <RailTip label={t('palette.open')} keys="mod+k" folded={folded}>
        <button
          type="button"
          className={classes.search}
          aria-label={folded ? t('palette.open') : undefined}
          onClick={() => openDialog({ kind: 'palette' })}
        >
          <IconSearch size={15} stroke={1.8} aria-hidden />
          {!folded && (
            <>
              <span className={classes.searchText}>{t('palette.hint')}</span>
              <Kbd keys="mod+k" />
            </>
          )}
        </button>
      </RailTip>
      <nav className={classes.screens} aria-label={t('rail.screens')}>
        {screens.map(({ name, path, icon: Icon, keys }) => (
          <RailTip key={name} label={t(`screens.${name}`)} keys={keys} folded={folded}>
            <Link
              to={path}
              params={{}}
              search={{}}
              className={classes.item}
              data-current={current === name || undefined}
              aria-current={current === name ? 'page' : undefined}
              aria-label={folded ? t(`screens.${name}`) : undefined}
            >
              <Icon size={17} stroke={1.7} aria-hidden />
              {!folded && <span className={classes.itemText}>{t(`screens.${name}`)}</span>}
              {!folded && (
                <span className={classes.itemKeys}>
                  <Kbd keys={keys} />
                </span>
              )}
            </Link>
          </RailTip>
        ))}
      </nav>
      <div className={classes.foot}>
        <JobsButton folded={folded} />
        <MemoryMeter folded={folded} />
        <div className={classes.switches}>
          <IconButton label={t('settings.title')} keys="mod+," onClick={() => openDialog({ kind: 'settings' })}>
            <IconSettings size={17} stroke={1.7} />
          </IconButton>
          <LanguageSwitch />
          <ThemeSwitch />
        </div>
      </div>
    </aside>
  );
}
