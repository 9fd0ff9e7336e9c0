import { TextInput } from '@mantine/core';
import { IconCheck, IconSearch } from '@tabler/icons-react';
import { useState, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { useFormat } from '../format.ts';
import { familyOf } from '../models.ts';
import { FamilyMark } from './family-mark.tsx';
import classes from './model-choices.module.css';

/** Fewer models than this are overlooked at a glance. */
const SEARCH_FROM = 8;

/** Nobody reads further: who has more looks for a name. */
const MOST_SHOWN = 100;

interface Props {
  /** The likeliest first. */
  readonly models: readonly Model[];
  readonly currentId: string | null;
  /** Where nothing is left to choose. */
  readonly none: string;
  /** What else is to be known of a model before it is chosen. */
  readonly noteOf?: (model: Model) => string | null;
  readonly onChoose: (model: Model) => void;
}

/** A list of models to choose one from, with a search where it is long. */
export function ModelChoices({ models, currentId, none, noteOf, onChoose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const [query, setQuery] = useState('');
  const words = query.trim().toLocaleLowerCase();
  const found = models.filter((model) => `${model.name} ${familyOf(model) ?? ''}`.toLocaleLowerCase().includes(words));
  const shown = found.slice(0, MOST_SHOWN);

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
    <div className={classes.choices} onKeyDown={press} role="presentation">
      {models.length >= SEARCH_FROM && (
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
      {shown.length === 0 && <p className={classes.none}>{none}</p>}
      <ul className={classes.list}>
        {shown.map((model) => (
          <li key={model.id}>
            <button type="button" data-model className={classes.item} aria-current={model.id === currentId} onClick={() => onChoose(model)}>
              <FamilyMark family={familyOf(model)} size={26} />
              <span className={classes.text}>
                <span className={classes.name}>{model.name}</span>
                <span className={`${classes.note} num`}>
                  {[format.parameters(model.facts.parameterCount), model.facts.quantization, format.bytes(model.sizeBytes), noteOf?.(model)]
                    .filter((part) => part != null)
                    .join(' · ')}
                </span>
              </span>
              {model.id === currentId && <IconCheck size={15} aria-hidden />}
            </button>
          </li>
        ))}
      </ul>
      {found.length > shown.length && (
        <p className={classes.none}>{t('chat.model.more', { more: format.number(found.length - shown.length) })}</p>
      )}
    </div>
  );
}
