import { Popover } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { MAX_MIXED_ADAPTERS } from '#contract/chat.ts';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { isAdapter, useModels } from '../../models.ts';
import { useAdapterFits } from './mixer-fits.ts';
import type { Chat } from './use-chat.ts';
import chatClasses from './chat.module.css';
import classes from './mixer.module.css';

/** Adds an adapter of the library to the conversation. Not there where the library has none. */
export function MixerChoice({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const hasAdapters = useModels().some((model) => isAdapter(model));
  if (!hasAdapters || chat.model === undefined) return null;
  return (
    <Popover position="bottom-start" opened={open} onChange={setOpen} trapFocus returnFocus>
      <Popover.Target>
        <button
          type="button"
          className={`${chatClasses.chip} ${classes.add}`}
          disabled={chat.settings.adapters.length >= MAX_MIXED_ADAPTERS}
          onClick={() => setOpen(!open)}
        >
          <IconPlus size={14} aria-hidden />
          <span>{t('mixer.add')}</span>
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('mixer.choose')}>
        <Choices chat={chat} onChosen={() => setOpen(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

/** Those that fit the model first; of the others, why they do not. */
function Choices({ chat, onChosen }: { readonly chat: Chat; readonly onChosen: () => void }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const { adapters, modelId } = chat.settings;
  const ids = useModels()
    .filter(({ id, ...model }) => isAdapter(model) && !adapters.some(({ adapterId }) => adapterId === id))
    .map(({ id }) => id);
  const fits = useAdapterFits(ids, modelId).toSorted((left, right) => Number(left.problem != null) - Number(right.problem != null));
  if (fits.length === 0) return <p className={classes.none}>{t('mixer.none')}</p>;
  return (
    <ul className={classes.choices}>
      {fits.map(({ adapterId, adapter, problem }) => (
        <li key={adapterId}>
          <button
            type="button"
            className={classes.choice}
            disabled={problem !== null}
            onClick={() => {
              chat.change({ adapters: [...adapters, { adapterId, scale: 1, isOn: true }] });
              onChosen();
            }}
          >
            <span className={classes.choiceName}>{adapter?.name}</span>
            <span className={classes.choiceNote}>
              {problem === undefined
                ? t('mixer.checking')
                : problem !== null
                  ? errorText(problem).what
                  : adapter?.facts.adapter?.rank === undefined
                    ? t('mixer.fits')
                    : t('mixer.fitsRank', { rank: adapter.facts.adapter.rank })}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}
