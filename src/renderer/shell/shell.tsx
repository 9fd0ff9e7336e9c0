import { Outlet } from '@tanstack/react-router';
import { useRef } from 'react';
import { useTranslation } from 'react-i18next';
import { useCommandKeys } from '../commands/registry.ts';
import { JobAnnouncer } from '../jobs/announcer.tsx';
import { AppCommands } from './app-commands.tsx';
import { ConnectionBanner } from './connection-banner.tsx';
import { Layers } from './layers.tsx';
import { Rail } from './rail.tsx';
import classes from './shell.module.css';

/** The frame around every screen: the rail, the screen, and the layers over both. */
export function Shell() {
  const { t } = useTranslation();
  const main = useRef<HTMLElement>(null);
  useCommandKeys();

  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main" onClick={(event) => (event.preventDefault(), main.current?.querySelector('h1')?.focus())}>
        {t('shell.skip')}
      </a>
      <Rail />
      <div className={classes.column}>
        <ConnectionBanner />
        <main id="main" ref={main} className={classes.main}>
          <Outlet />
        </main>
      </div>
      <AppCommands />
      <JobAnnouncer />
      <Layers />
    </div>
  );
}
