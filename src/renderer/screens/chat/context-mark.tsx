import { IconChevronRight } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { latestSummary } from '#core/chat/summary.ts';
import { lastDropped } from '#core/chat/thread.ts';
import type { Chat } from './use-chat.ts';
import classes from './context.module.css';

/** What a line between two messages says of those above it. */
export type Mark =
  | { readonly kind: 'unread' }
  | { readonly kind: 'toSummarise' }
  | { readonly kind: 'summarised'; readonly summary: string };

/** The lines between the messages in view, by the message that each stands below. */
export function contextMarks({ turns, settings, report }: Chat): ReadonlyMap<string, Mark> {
  const marks = new Map<string, Mark>();
  if (settings.mode === 'text') return marks;
  const path = turns.map(({ message }) => message);
  const summarises = settings.sampling.contextPolicy === 'summarise';
  const summary = summarises ? latestSummary(path) : undefined;
  const summaryId = summary === undefined ? null : lastDropped(path, summary.turns);
  if (summary !== undefined && summaryId !== null) marks.set(summaryId, { kind: 'summarised', summary: summary.text });
  const droppedId = report === null || report.droppedTurns === 0 ? null : lastDropped(path, report.summarisedTurns + report.droppedTurns);
  if (droppedId !== null) marks.set(droppedId, { kind: summarises ? 'toSummarise' : 'unread' });
  return marks;
}

/** A line between two messages; opened, the summary that stands for what is above it. */
export function ContextMark({ kind, summary }: { readonly kind: Mark['kind']; readonly summary: string | undefined }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const id = useId();
  if (kind !== 'summarised') return <p className={classes.mark}>{t(`chatContext.${kind}`)}</p>;
  return (
    <div className={classes.summarised}>
      <div className={classes.mark}>
        <button type="button" className={classes.fold} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
          <IconChevronRight size={14} aria-hidden />
          {t('chatContext.summarised')}
        </button>
      </div>
      <div id={id} hidden={!open} className={classes.summary}>
        {summary}
      </div>
    </div>
  );
}
