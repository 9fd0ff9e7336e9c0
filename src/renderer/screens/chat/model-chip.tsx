import { Popover } from '@mantine/core';
import { IconChevronDown, IconCloud } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { ModelChoices } from '../../components/model-choices.tsx';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { canChat, useModels } from '../../models.ts';
import { queryClient, useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { RemoteChoices } from './remote-choices.tsx';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

/** The model of the conversation and its state; opened, the choice of another one. */
export function ModelChip({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const format = useFormat();
  const status = useLive((state) => state.status);
  const [open, setOpen] = useState(false);
  const load = useAction('chat.load');
  const models = useModels();
  const usable = useMemo(
    () => models.filter(canChat).toSorted((left, right) => (right.lastUsedMs ?? right.addedMs) - (left.lastUsedMs ?? left.addedMs)),
    [models],
  );
  const { model } = chat;
  const own = status.state !== 'empty' && status.modelId === chat.settings.modelId ? status : null;
  const state = own?.state ?? 'empty';
  const words =
    own?.state === 'loading'
      ? own.fraction === null
        ? t('chat.model.loading')
        : t('chat.model.loadingShare', { share: format.percent(own.fraction) })
      : own?.state === 'ready'
        ? t('chat.model.ready')
        : own?.state === 'failed'
          ? t('chat.model.failed')
          : t('chat.model.unloaded');
  const missing = chat.threadId !== null && chat.settings.modelId !== null && model === undefined;
  const { remote } = chat;

  const toggle = (): void => {
    // An engine may have been given other models since.
    if (!open) void queryClient.invalidateQueries({ queryKey: ['remote.models'] });
    setOpen(!open);
  };
  const choose = (chosen: Model): void => {
    setOpen(false);
    chat.chooseModel(chosen);
    // What does not fit is told above the composer, with what makes it fit.
    load.mutate({ modelId: chosen.id }, { onError: (error) => error.code !== 'memory.short' && errorToast(error) });
  };

  return (
    <Popover position="bottom-start" opened={open} onChange={setOpen} trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className={classes.chip} onClick={toggle}>
          <span className="sr-only">{t('chat.model.label')}</span>
          {model !== undefined && <span className={classes.dot} data-state={state} aria-hidden />}
          {remote !== null && <IconCloud size={15} stroke={1.8} aria-hidden />}
          <span className={classes.chipName}>
            {remote?.choice.model ?? model?.name ?? t(missing ? 'chat.model.gone' : 'chat.model.none')}
          </span>
          {remote !== null && (
            <span className={classes.chipState}>
              {remote.engine === undefined ? t('remoteChat.gone') : t('remoteChat.of', { engine: remote.engine.name })}
            </span>
          )}
          {model !== undefined && <span className={`${classes.chipState} num`}>{words}</span>}
          <IconChevronDown size={14} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('chat.model.choose')}>
        <ModelChoices
          models={usable}
          currentId={chat.settings.modelId}
          none={t('chat.model.noneUsable')}
          noteOf={(candidate) => (candidate.facts.hasChatTemplate === false ? t('chat.model.base') : null)}
          onChoose={choose}
        />
        <RemoteChoices
          current={remote?.choice ?? null}
          onLeave={() => setOpen(false)}
          onChoose={(choice) => {
            setOpen(false);
            chat.chooseRemote(choice);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
