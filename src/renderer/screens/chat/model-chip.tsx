import { Popover, TextInput } from '@mantine/core';
import { IconCheck, IconChevronDown, IconSearch } from '@tabler/icons-react';
import { useMemo, useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { FamilyMark } from '../../components/family-mark.tsx';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { canChat, familyOf, useModels } from '../../models.ts';
import { useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

/** Fewer models than this are overlooked at a glance. */
const SEARCH_FROM = 8;

/** The model of the conversation and its state; opened, the choice of another one. */
export function ModelChip({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const format = useFormat();
  const status = useLive((state) => state.status);
  const [open, setOpen] = useState(false);
  const load = useAction('chat.load');
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

  const choose = (chosen: Model): void => {
    setOpen(false);
    chat.chooseModel(chosen);
    load.mutate({ modelId: chosen.id }, { onError: errorToast });
  };

  return (
    <Popover position="bottom-start" opened={open} onChange={setOpen} trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className={classes.chip} onClick={() => setOpen(!open)}>
          <span className="sr-only">{t('chat.model.label')}</span>
          {model !== undefined && <span className={classes.dot} data-state={state} aria-hidden />}
          <span className={classes.chipName}>{model?.name ?? t(missing ? 'chat.model.gone' : 'chat.model.none')}</span>
          {model !== undefined && <span className={`${classes.chipState} num`}>{words}</span>}
          <IconChevronDown size={14} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('chat.model.choose')}>
        <Choices currentId={chat.settings.modelId} onChoose={choose} />
      </Popover.Dropdown>
    </Popover>
  );
}

function Choices({ currentId, onChoose }: { readonly currentId: string | null; readonly onChoose: (model: Model) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  const models = useModels();
  const [query, setQuery] = useState('');
  const usable = useMemo(
    () => models.filter(canChat).toSorted((left, right) => (right.lastUsedMs ?? right.addedMs) - (left.lastUsedMs ?? left.addedMs)),
    [models],
  );
  const shown = usable.filter(({ name }) => name.toLocaleLowerCase().includes(query.trim().toLocaleLowerCase()));

  /** The arrows move through the list as they would in a menu. */
  const press = (event: KeyboardEvent<HTMLDivElement>): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>('button[data-model]')];
    const at = buttons.findIndex((button) => button === document.activeElement);
    buttons[Math.max(0, Math.min(buttons.length - 1, at + by))]?.focus();
  };

  return (
    <div className={classes.picker} onKeyDown={press} role="presentation">
      {usable.length >= SEARCH_FROM && (
        <TextInput
          type="search"
          data-autofocus
          aria-label={t('chat.model.search')}
          placeholder={t('chat.model.search')}
          leftSection={<IconSearch size={15} stroke={1.8} />}
          value={query}
          onChange={(event) => setQuery(event.currentTarget.value)}
        />
      )}
      {shown.length === 0 && <p className={classes.pickerNone}>{t('chat.model.noneUsable')}</p>}
      <ul className={classes.pickerList}>
        {shown.map((model) => (
          <li key={model.id}>
            <button
              type="button"
              data-model
              className={classes.pickerItem}
              aria-current={model.id === currentId}
              onClick={() => onChoose(model)}
            >
              <FamilyMark family={familyOf(model)} size={26} />
              <span className={classes.pickerText}>
                <span className={classes.pickerName}>{model.name}</span>
                <span className={`${classes.pickerNote} num`}>
                  {[
                    format.parameters(model.facts.parameterCount),
                    model.facts.quantization,
                    format.bytes(model.sizeBytes),
                    model.facts.hasChatTemplate === false ? t('chat.model.base') : null,
                  ]
                    .filter((part) => part != null)
                    .join(' · ')}
                </span>
              </span>
              {model.id === currentId && <IconCheck size={15} aria-hidden />}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
