import { Button, Modal, NumberInput, SegmentedControl, Select, Switch } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Settings } from '#contract/system.ts';
import type { Input } from '../api.ts';
import { ErrorPanel } from '../components/error-panel.tsx';
import { PathField } from '../components/path-field.tsx';
import { closeDialog, openDialog } from '../layers.ts';
import { useLive } from '../live.ts';
import { useAction, useCall } from '../queries.ts';
import classes from './settings.module.css';

/** What the user can choose about the program. Every change holds at once. */
export function SettingsDialog() {
  const { t } = useTranslation();
  const { data: settings, error } = useCall('system.settings', {});
  const action = useAction('system.changeSettings');
  const change = (settingsChange: Input<'system.changeSettings'>): void => action.mutate(settingsChange);
  const problem = error ?? action.error;
  return (
    <Modal opened onClose={closeDialog} size="38rem" title={t('settings.title')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      {problem !== null && <ErrorPanel error={problem} />}
      {settings !== undefined && (
        // The focus begins at the content, not at the button that ends it.
        <div tabIndex={-1} data-autofocus className={classes.body}>
          <Row title={t('settings.language')}>
            <Select
              aria-label={t('settings.language')}
              value={settings.language}
              allowDeselect={false}
              data={[
                { value: 'system', label: t('settings.likeSystem') },
                { value: 'en', label: 'English' },
                { value: 'zh-CN', label: '简体中文' },
              ]}
              onChange={(language) => language !== null && change({ language: language })}
            />
          </Row>
          <Row title={t('settings.colorScheme')}>
            <SegmentedControl
              aria-label={t('settings.colorScheme')}
              value={settings.colorScheme}
              data={(['auto', 'light', 'dark'] as const).map((value) => ({ value, label: t(`settings.schemes.${value}`) }))}
              onChange={(colorScheme) => change({ colorScheme: colorScheme })}
            />
          </Row>
          <Row title={t('settings.importMode')} note={t('settings.importModeNote')}>
            <SegmentedControl
              aria-label={t('settings.importMode')}
              value={settings.importMode}
              data={(['link', 'copy'] as const).map((value) => ({ value, label: t(`settings.importModes.${value}`) }))}
              onChange={(importMode) => change({ importMode: importMode })}
            />
          </Row>
          <OutputFolder settings={settings} change={change} />
          <Threads settings={settings} change={change} />
          <Unload settings={settings} change={change} />
          <Row title={t('settings.diagrams')} note={t('settings.diagramsNote')}>
            <Switch
              aria-label={t('settings.diagrams')}
              checked={settings.diagrams}
              onChange={(event) => change({ diagrams: event.currentTarget.checked })}
            />
          </Row>
          <Row title={t('remote.title')} note={t('remote.settingsNote')}>
            <Button variant="default" onClick={() => openDialog({ kind: 'remote' })}>
              {t('remote.manage')}
            </Button>
          </Row>
          <About />
        </div>
      )}
    </Modal>
  );
}

function Row({
  title,
  note,
  wide = false,
  children,
}: {
  readonly title: string;
  readonly note?: string;
  readonly wide?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <div className={classes.row} data-wide={wide || undefined}>
      <div className={classes.text}>
        <div className={classes.title}>{title}</div>
        {note !== undefined && <div className={classes.note}>{note}</div>}
      </div>
      <div className={classes.control}>{children}</div>
    </div>
  );
}

interface Part {
  readonly settings: Settings;
  readonly change: (settingsChange: Input<'system.changeSettings'>) => void;
}

function OutputFolder({ settings, change }: Part) {
  const { t } = useTranslation();
  const { data: host } = useCall('system.host', {});
  const [typed, setTyped] = useState<string | null>(null);
  const saved = settings.outputFolder ?? host?.modelFolder ?? '';
  const value = typed ?? saved;
  return (
    <Row title={t('settings.outputFolder')} note={t('settings.outputFolderNote')} wide>
      <form
        className={classes.folder}
        onSubmit={(event) => {
          event.preventDefault();
          change({ outputFolder: value.trim() === '' || value === host?.modelFolder ? null : value });
          setTyped(null);
        }}
      >
        <PathField labelHidden label={t('settings.outputFolder')} value={value} onChange={setTyped} />
        {value !== saved && <Button type="submit">{t('common.save')}</Button>}
        {settings.outputFolder !== null && value === saved && (
          <Button variant="default" onClick={() => change({ outputFolder: null })}>
            {t('settings.reset')}
          </Button>
        )}
      </form>
    </Row>
  );
}

function Threads({ settings, change }: Part) {
  const { t } = useTranslation();
  const memory = useLive((state) => state.memory);
  const cores = memory?.cores ?? 1;
  return (
    <Row title={t('settings.threads')} note={t('settings.threadsNote')}>
      <div className={classes.threads}>
        <Switch
          label={t('settings.threadsMeasured')}
          checked={settings.threads === null}
          onChange={(event) => change({ threads: event.currentTarget.checked ? null : Math.max(1, cores - 1) })}
        />
        {settings.threads !== null && (
          <NumberInput
            aria-label={t('settings.threads')}
            min={1}
            max={1024}
            allowDecimal={false}
            value={settings.threads}
            onChange={(threads) => typeof threads === 'number' && threads >= 1 && change({ threads })}
          />
        )}
      </div>
    </Row>
  );
}

/** Minutes without a question after which the model may go. */
const UNLOAD_AFTER = [5, 15, 30, 60, 240] as const;

function Unload({ settings, change }: Part) {
  const { t } = useTranslation();
  return (
    <Row title={t('settings.unload')} note={t('settings.unloadNote')}>
      <Select
        aria-label={t('settings.unload')}
        value={String(settings.unloadAfterMinutes ?? '')}
        allowDeselect={false}
        data={[
          { value: '', label: t('settings.unloadNever') },
          ...UNLOAD_AFTER.map((count) => ({ value: String(count), label: t('settings.unloadAfter', { count }) })),
        ]}
        onChange={(value) => change({ unloadAfterMinutes: value === null || value === '' ? null : Number(value) })}
      />
    </Row>
  );
}

function About() {
  const { t } = useTranslation();
  const { data: host } = useCall('system.host', {});
  return (
    <Row
      title={t('settings.about')}
      note={Object.entries(host?.versions ?? {})
        .map(([name, version]) => `${name} ${version}`)
        .join('  ·  ')}
    >
      <Button variant="default" onClick={() => openDialog({ kind: 'log' })}>
        {t('commands.log')}
      </Button>
    </Row>
  );
}
