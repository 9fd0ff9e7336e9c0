import { Modal } from '@mantine/core';
import { IconCube, IconMessage, IconSearch } from '@tabler/icons-react';
import { useMemo, useState, type KeyboardEvent, type MouseEvent, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { Keys } from '../commands/keys.ts';
import { useAllCommands } from '../commands/registry.ts';
import { FamilyMark } from '../components/family-mark.tsx';
import { Kbd } from '../components/kbd.tsx';
import { closeDialog, useLayers } from '../layers.ts';
import { familyOf, useModels } from '../models.ts';
import { goTo } from '../navigation.ts';
import { prefer, usePreferences } from '../preferences.ts';
import { useCall } from '../queries.ts';
import { rankEntries } from './palette-rank.ts';
import classes from './palette.module.css';

interface Entry {
  readonly id: string;
  readonly title: string;
  readonly note?: string | undefined;
  readonly words: string;
  readonly section: 'recent' | 'go' | 'library' | 'chat' | 'app' | 'models' | 'threads';
  readonly keys?: Keys | undefined;
  readonly icon: ReactNode;
  /** Shown only when searched for: there may be hundreds. */
  readonly onlySearched?: boolean;
  run(): void;
}

const RECENT = 3;
const MOST_SHOWN = 50;
const SECTIONS: readonly Entry['section'][] = ['recent', 'go', 'library', 'chat', 'models', 'threads', 'app'];

const focusOnce = (field: HTMLInputElement | null): void => field?.focus();

/** Everything that can be done or gone to, found by typing. */
export function Palette() {
  const { t } = useTranslation();
  const commands = useAllCommands();
  const models = useModels();
  const { data: threads } = useCall('chat.threads', {});
  const recent = usePreferences((state) => state.recentCommands);
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);

  const entries = useMemo((): Entry[] => {
    const fromCommands = commands
      .filter(({ id, enabled }) => enabled !== false && id !== 'app.palette')
      .map((command): Entry => ({
        ...command,
        words: `${command.title} ${command.words ?? ''}`,
        icon: command.icon ?? <IconCube size={16} stroke={1.7} />,
      }));
    const fromModels = models.map((model): Entry => ({
      id: `model:${model.id}`,
      title: model.name,
      note: [familyOf(model), model.facts.quantization].filter((part) => part !== undefined).join(' · '),
      words: `${model.name} ${model.facts.quantization ?? ''}`,
      section: 'models',
      icon: <FamilyMark family={familyOf(model)} size={20} />,
      onlySearched: true,
      run: () => goTo.library(model.id),
    }));
    const fromThreads = (threads ?? []).map((thread): Entry => ({
      id: `thread:${thread.id}`,
      title: thread.title,
      words: thread.title,
      section: 'threads',
      icon: <IconMessage size={16} stroke={1.7} />,
      onlySearched: true,
      run: () => goTo.thread(thread.id),
    }));
    return [...fromCommands, ...fromModels, ...fromThreads];
  }, [commands, models, threads]);

  const shown = useMemo(() => {
    if (query.trim() !== '') return rankEntries(entries, query).slice(0, MOST_SHOWN);
    const plain = entries.filter(({ onlySearched }) => onlySearched !== true);
    const first = recent.slice(0, RECENT).flatMap((id) => plain.find((entry) => entry.id === id) ?? []);
    const rest = plain.filter((entry) => !first.includes(entry));
    return [...first.map((entry): Entry => ({ ...entry, section: 'recent' })), ...rest].sort(
      (left, right) => SECTIONS.indexOf(left.section) - SECTIONS.indexOf(right.section),
    );
  }, [entries, query, recent]);

  const active = Math.min(at, Math.max(0, shown.length - 1));
  const run = (entry: Entry | undefined): void => {
    if (entry === undefined) return;
    prefer({ recentCommands: [entry.id, ...recent.filter((id) => id !== entry.id)].slice(0, 12) });
    closeDialog();
    // After the palette has given the focus back, so that what opens next gets it.
    setTimeout(() => entry.run(), 0);
  };
  const press = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined) setAt((active + by + shown.length) % Math.max(1, shown.length));
    else if (event.key === 'Enter') run(shown[active]);
    else return;
    event.preventDefault();
  };

  const click = ({ target }: MouseEvent): void => {
    const row = target instanceof Element ? target.closest<HTMLElement>('[data-index]') : null;
    if (row !== null) run(shown[Number(row.dataset['index'])]);
  };

  return (
    <Modal
      opened={useLayers((state) => state.dialog?.kind === 'palette')}
      onClose={closeDialog}
      withCloseButton={false}
      size="35rem"
      padding={0}
      attributes={{ content: { 'aria-label': t('palette.open') } }}
      classNames={{ body: classes.body ?? '' }}
    >
      <div className={classes.search}>
        <IconSearch size={17} stroke={1.8} aria-hidden />
        <input
          data-autofocus
          // At once: whoever opens the palette is already typing.
          ref={focusOnce}
          role="combobox"
          aria-expanded
          aria-controls="palette-list"
          aria-activedescendant={shown[active] === undefined ? undefined : `palette-${active}`}
          aria-label={t('palette.placeholder')}
          placeholder={t('palette.placeholder')}
          spellCheck={false}
          value={query}
          onChange={(event) => {
            setQuery(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={press}
        />
      </div>
      <div
        className={classes.list}
        id="palette-list"
        role="listbox"
        aria-label={t('palette.results')}
        tabIndex={-1}
        onKeyDown={press}
        onClick={click}
      >
        {shown.map((entry, index) => {
          const heads = query.trim() === '' && entry.section !== shown[index - 1]?.section;
          return (
            <div key={entry.id} role="presentation">
              {heads && (
                <div className={classes.section} role="presentation">
                  {t(`palette.sections.${entry.section}`)}
                </div>
              )}
              {/* The keys are the search field's, which keeps the focus. */}
              <div
                id={`palette-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === active}
                className={classes.entry}
                ref={index === active ? (element) => element?.scrollIntoView({ block: 'nearest' }) : undefined}
                data-index={index}
                onMouseMove={() => index !== active && setAt(index)}
              >
                <span className={classes.icon} aria-hidden>
                  {entry.icon}
                </span>
                <span className={classes.title}>{entry.title}</span>
                {entry.note !== undefined && <span className={classes.note}>{entry.note}</span>}
                {entry.keys !== undefined && <Kbd keys={entry.keys} />}
              </div>
            </div>
          );
        })}
      </div>
      {shown.length === 0 && (
        <p className={classes.none} role="status">
          {t('palette.none', { query })}
        </p>
      )}
    </Modal>
  );
}
