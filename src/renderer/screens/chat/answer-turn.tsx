import { Tooltip } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Message } from '#contract/chat.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { useFormat } from '../../format.ts';
import { Markdown } from '../../markdown/markdown.tsx';
import type { Generation } from './generation.ts';
import type { Turn } from './message-tree.ts';
import { PhaseLine } from './phase-line.tsx';
import { SiblingSwitch } from './sibling-switch.tsx';
import { REGENERATE_KEYS } from './use-chat-commands.tsx';
import { UserActions } from './user-turn.tsx';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

interface Props {
  readonly turn: Turn;
  readonly chat: Chat;
  readonly threadId: string;
  /** While this answer is being made. */
  readonly generation: Generation | undefined;
  readonly isLast: boolean;
  /** The message that it answers. */
  readonly prompt: Turn | undefined;
}

/** What the model answered, how fast, and what went wrong. */
export function AnswerTurn({ turn, chat, threadId, generation, isLast, prompt }: Props) {
  const { t } = useTranslation();
  const { message } = turn;
  const text = generation === undefined ? message.text : generation.text;
  const plain = chat.settings.mode === 'text';
  const busy = chat.generation !== undefined;
  return (
    <article
      className={classes.answer}
      aria-label={message.facts?.modelName ?? t('chat.answer')}
      aria-busy={generation !== undefined}
      data-last={isLast || undefined}
    >
      {text !== '' && (plain ? <span className={classes.plain}>{text}</span> : <Markdown text={text} writing={generation !== undefined} />)}
      {generation !== undefined && <PhaseLine phase={generation.phase} />}
      {message.error !== null && generation === undefined && (
        <ErrorPanel
          error={message.error}
          action={isLast ? { label: t('common.retry'), run: () => void chat.regenerate(message.id), busy } : undefined}
        />
      )}
      {generation === undefined && !(message.text === '' && message.error !== null && isLast && !plain) && (
        <div className={classes.answerFoot}>
          {message.facts !== null && <Figures facts={message.facts} />}
          <div className={classes.turnActions}>
            {plain && prompt !== undefined && <UserActions turn={prompt} chat={chat} threadId={threadId} />}
            <SiblingSwitch turn={turn} threadId={threadId} />
            {message.text !== '' && <CopyButton text={message.text} label={t('chat.copyAnswer')} />}
            <IconButton
              size={26}
              label={t('chat.regenerate')}
              keys={isLast ? REGENERATE_KEYS : undefined}
              disabled={busy}
              onClick={() => void chat.regenerate(message.id)}
            >
              <IconRefresh size={15} stroke={1.8} />
            </IconButton>
          </div>
        </div>
      )}
    </article>
  );
}

/** Speed and length; what the answer was made with, when asked. */
function Figures({ facts }: { readonly facts: NonNullable<Message['facts']> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { stopReason, sampling } = facts;
  const parts = [
    facts.tokensPerSecond === null ? null : t('chat.figures.speed', { speed: format.figure(facts.tokensPerSecond) }),
    facts.timeToFirstTokenMs === null ? null : t('chat.figures.first', { time: format.duration(facts.timeToFirstTokenMs) }),
    t('chat.figures.tokens', { count: facts.answerTokens, number: format.number(facts.answerTokens) }),
    stopReason === 'end' || stopReason === 'error' ? null : t(`chat.stopReasons.${stopReason}`),
  ].filter((part) => part !== null);
  const more = [
    facts.modelName,
    t('chat.figures.prompt', { number: format.number(facts.promptTokens), cached: format.number(facts.cachedTokens) }),
    t('chat.figures.seed', { seed: String(sampling.seed ?? '–') }),
    t('chat.figures.temperature', { value: format.figure(sampling.temperature) }),
  ].join(' · ');
  return (
    <Tooltip label={more} multiline maw={360} position="bottom-start">
      <p className={`${classes.figures} num`}>{parts.join(' · ')}</p>
    </Tooltip>
  );
}
