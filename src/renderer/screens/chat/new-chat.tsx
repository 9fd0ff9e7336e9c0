import { Button } from '@mantine/core';
import { IconTransform, IconMessageCircle, IconPlus, IconSparkles } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../../components/empty-state.tsx';
import { startDemo } from '../../jobs/start.ts';
import { openDialog } from '../../layers.ts';
import { needsConversion, useModels } from '../../models.ts';
import { goTo } from '../../navigation.ts';
import { useCall } from '../../queries.ts';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

const STARTERS = ['first', 'second', 'third'] as const;

/** Before the first message: something to begin with, or the way to a model. */
export function NewChat({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const models = useModels();
  const library = useCall('library.list', {});
  const convertible = models.find(needsConversion);
  if (!library.isSuccess) return <div className={classes.conversation} />;
  if (chat.answererName === undefined) {
    return (
      <div className={classes.conversation}>
        <EmptyState
          icon={<IconMessageCircle size={22} stroke={1.5} />}
          title={t('chat.noModel.title')}
          text={t(convertible === undefined ? 'chat.noModel.text' : 'chat.noModel.textConvert', { name: convertible?.name ?? '' })}
        >
          {convertible === undefined ? (
            <Button leftSection={<IconPlus size={15} />} onClick={() => openDialog({ kind: 'add' })}>
              {t('library.add.title')}
            </Button>
          ) : (
            <Button leftSection={<IconTransform size={15} />} onClick={() => goTo.convert(convertible.id)}>
              {t('chat.noModel.convert')}
            </Button>
          )}
          <Button variant="default" leftSection={<IconSparkles size={15} />} onClick={startDemo}>
            {t('library.createDemo')}
          </Button>
        </EmptyState>
      </div>
    );
  }
  const { mode } = chat.settings;
  const engine = chat.remote?.engine;
  return (
    <div className={classes.conversation}>
      <div className={classes.welcome}>
        <h2 className={classes.welcomeTitle}>{t(`chat.welcome.${mode}.title`)}</h2>
        <p className={classes.welcomeText}>
          {engine === undefined
            ? t(`chat.welcome.${mode}.text`, { name: chat.answererName })
            : t('remoteChat.welcome', { name: chat.answererName, engine: engine.name, host: engine.host })}
        </p>
        <ul className={classes.starters}>
          {STARTERS.map((starter) => (
            <li key={starter}>
              <button
                type="button"
                className={classes.starter}
                onClick={() => {
                  chat.setText(t(`chat.starters.${mode}.${starter}`));
                  document.querySelector<HTMLElement>('[data-composer]')?.focus();
                }}
              >
                {t(`chat.starters.${mode}.${starter}`)}
              </button>
            </li>
          ))}
        </ul>
      </div>
    </div>
  );
}
