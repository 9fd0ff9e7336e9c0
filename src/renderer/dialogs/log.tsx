import { Modal, SegmentedControl, TextInput } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Event } from '../api.ts';
import { CopyButton } from '../components/copy-button.tsx';
import { useFormat } from '../format.ts';
import { closeDialog } from '../layers.ts';
import { useStream } from '../queries.ts';
import classes from './log.module.css';

type Entry = Event<'system.log'>;

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
/** Entries that the window keeps; the file has them all. */
const KEPT = 5000;
const ROW_HEIGHT = 22;
/** Nearer to the end than this counts as being at the end: new lines then keep it there. */
const AT_END_PX = 40;

/** The end of the log, as it grows. */
export function LogDialog() {
  const { t } = useTranslation();
  const format = useFormat();
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [least, setLeast] = useState<Entry['level']>('info');
  const [filter, setFilter] = useState('');
  const scroller = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useStream(
    'system.log',
    { last: 1000 },
    (entry) => setEntries((old) => [...old, entry].slice(-KEPT)),
    () => setEntries([]),
  );

  const word = filter.trim().toLowerCase();
  const shown = entries.filter(
    ({ level, source, text }) =>
      LEVELS.indexOf(level) >= LEVELS.indexOf(least) &&
      (word === '' || text.toLowerCase().includes(word) || source.toLowerCase().includes(word)),
  );
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 20,
  });
  useEffect(() => {
    if (atEnd.current && shown.length > 0) virtual.scrollToIndex(shown.length - 1, { align: 'end' });
  }, [shown.length, virtual]);
  const asText = ({ timeMs, level, source, text }: Entry): string => `${new Date(timeMs).toISOString()} ${level} ${source} ${text}`;

  return (
    <Modal opened onClose={closeDialog} size="62rem" title={t('log.title')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <div className={classes.head}>
        <TextInput
          type="search"
          data-autofocus
          aria-label={t('log.filter')}
          placeholder={t('log.filter')}
          className={classes.filter ?? ''}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label={t('log.level')}
          value={least}
          data={LEVELS.map((level) => ({ value: level, label: t(`log.levels.${level}`) }))}
          onChange={(level) => setLeast(level)}
        />
        <CopyButton text={shown.map(asText).join('\n')} label={t('log.copy')} size={30} />
      </div>
      <div
        ref={scroller}
        className={classes.list}
        role="log"
        aria-live="off"
        aria-label={t('log.title')}
        tabIndex={0}
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          atEnd.current = scrollHeight - scrollTop - clientHeight < AT_END_PX;
        }}
      >
        {shown.length === 0 && <p className={classes.none}>{t('log.none')}</p>}
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, key, start }) => {
            const entry = shown[index];
            if (entry === undefined) return null;
            return (
              <div
                key={key}
                ref={virtual.measureElement}
                data-index={index}
                className={classes.line}
                data-level={entry.level}
                style={{ transform: `translateY(${start}px)` }}
              >
                <span className={classes.time}>{format.clock(entry.timeMs)}</span>
                <span className={classes.level}>{t(`log.levels.${entry.level}`)}</span>
                <span className={classes.source}>{entry.source}</span>
                <span className={classes.text}>{entry.text}</span>
              </div>
            );
          })}
        </div>
      </div>
    </Modal>
  );
}
