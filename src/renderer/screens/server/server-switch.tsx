import { NumberInput, Switch } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { ServerStatus } from '#contract/server.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { prefer, usePreferences } from '../../preferences.ts';
import { useAction, useCall } from '../../queries.ts';
import classes from './server.module.css';

/** Ports below are the system's. */
const LOWEST_PORT = 1024;
const HIGHEST_PORT = 65_535;

/** On or off, and the port that it is to have. */
export function ServerSwitch({ status }: { readonly status: ServerStatus }) {
  const { t } = useTranslation();
  const port = usePreferences((state) => state.serverPort);
  const start = useAction('server.start');
  const stop = useAction('server.stop');
  const isOn = status.state === 'running';
  // Served to a browser, it shares the page's port, on or off.
  const isMounted = useCall('system.host', {}).data?.kind === 'serve';
  const error = start.error ?? stop.error;
  const turn = (on: boolean): void => {
    start.reset();
    stop.reset();
    if (on) start.mutate({ port: port ?? 0 });
    else stop.mutate({});
  };
  return (
    <>
      <section className={classes.switch} aria-label={t('server.switch.section')} data-on={isOn || undefined}>
        <Switch
          className={classes.toggle ?? ''}
          checked={isOn}
          disabled={start.isPending || stop.isPending}
          label={t('server.switch.label')}
          description={
            isOn ? t(isMounted ? 'server.switch.mounted' : 'server.switch.on', { port: String(status.port) }) : t('server.switch.off')
          }
          onChange={(event) => turn(event.currentTarget.checked)}
        />
        {!isMounted && (
          <NumberInput
            className={classes.port ?? ''}
            label={t('server.port.label')}
            placeholder={t('server.port.any')}
            value={port ?? ''}
            min={LOWEST_PORT}
            max={HIGHEST_PORT}
            clampBehavior="blur"
            allowDecimal={false}
            allowNegative={false}
            hideControls
            disabled={isOn}
            onChange={(value) => prefer({ serverPort: typeof value === 'number' ? value : null })}
          />
        )}
      </section>
      {error !== null && (
        <div className={classes.error}>
          <ErrorPanel error={error} action={{ label: t('common.retry'), run: () => turn(true), busy: start.isPending }} />
        </div>
      )}
    </>
  );
}
