import { TextInput } from '@mantine/core';
import { IconCheck, IconCloud, IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RemoteChoice, RemoteEngine } from '#contract/remote.ts';
import { useFormat } from '../../format.ts';
import { openDialog } from '../../layers.ts';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { useCall } from '../../queries.ts';
import { useRemoteEngines } from '../../remote.ts';
import classes from './remote.module.css';

/** Fewer models than this are overlooked at a glance; services have hundreds. */
const SEARCH_FROM = 8;
const MOST_SHOWN = 50;

interface Props {
  readonly current: RemoteChoice | null;
  readonly onChoose: (choice: RemoteChoice) => void;
  readonly onLeave: () => void;
}

/** Below the library's models: those of engines elsewhere, and the way to their list. */
export function RemoteChoices({ current, onChoose, onLeave }: Props) {
  const { t } = useTranslation();
  const engines = useRemoteEngines();
  return (
    <div className={classes.choices}>
      {engines.map((engine) => (
        <Engine key={engine.id} engine={engine} current={current?.engineId === engine.id ? current.model : null} onChoose={onChoose} />
      ))}
      <button
        type="button"
        className={classes.manage}
        onClick={() => {
          onLeave();
          openDialog({ kind: 'remote' });
        }}
      >
        {t('remote.manage')}
      </button>
    </div>
  );
}

interface EngineProps {
  readonly engine: RemoteEngine;
  readonly current: string | null;
  readonly onChoose: (choice: RemoteChoice) => void;
}

function Engine({ engine, current, onChoose }: EngineProps) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const format = useFormat();
  const { data, error } = useCall('remote.models', { engineId: engine.id });
  const [query, setQuery] = useState('');
  const id = `remote-${engine.id}`;
  const models = data?.models ?? [];
  const words = query.trim().toLocaleLowerCase();
  const found = models.filter((model) => model.toLocaleLowerCase().includes(words));
  const shown = found.slice(0, MOST_SHOWN);
  return (
    <section aria-labelledby={id}>
      <h3 id={id} className={classes.head}>
        <IconCloud size={14} stroke={1.8} aria-hidden />
        <span className={classes.name}>{engine.name}</span>
        <span className={classes.badge}>{t('remoteChat.notLocal')}</span>
      </h3>
      {error !== null && <p className={classes.none}>{errorText(error).what}</p>}
      {data === undefined && error === null && <p className={classes.none}>{t('remoteChat.asking')}</p>}
      {data !== undefined && models.length === 0 && <p className={classes.none}>{t('remoteChat.noModels')}</p>}
      {models.length >= SEARCH_FROM && (
        <TextInput
          type="search"
          className={classes.search ?? ''}
          aria-label={t('remoteChat.search', { engine: engine.name })}
          placeholder={t('chat.model.search')}
          leftSection={<IconSearch size={15} stroke={1.8} />}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
      )}
      <ul>
        {shown.map((model) => (
          <li key={model}>
            <button
              type="button"
              className={classes.item}
              aria-current={model === current}
              onClick={() => onChoose({ engineId: engine.id, model })}
            >
              <span className={classes.model}>{model}</span>
              {model === current && <IconCheck size={15} aria-hidden />}
            </button>
          </li>
        ))}
      </ul>
      {found.length > shown.length && (
        <p className={classes.none}>{t('chat.model.more', { more: format.number(found.length - shown.length) })}</p>
      )}
    </section>
  );
}
