import { Menu, Tooltip } from '@mantine/core';
import {
  IconCloud,
  IconColumns2,
  IconDots,
  IconPencil,
  IconPlayerTrackNext,
  IconRefresh,
  IconTrash,
  IconWaveSine,
} from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message } from '#contract/chat.ts';
import { splitReasoning } from '#core/chat/reasoning.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { useFormat } from '../../format.ts';
import { Markdown } from '../../markdown/markdown.tsx';
import { useCall } from '../../queries.ts';
import { AnswerEditor } from './answer-editor.tsx';
import { compare } from './comparing.ts';
import { useAnswerTexts, type Generation } from './generation.ts';
import { mixOf } from './made-with.ts';
import type { Turn } from './message-tree.ts';
import { PhaseLine } from './phase-line.tsx';
import { Reasoning } from './reasoning.tsx';
import { SiblingSwitch } from './sibling-switch.tsx';
import { TokenView } from './token-view.tsx';
import { ToolCalls } from './tool-calls.tsx';
import type { TurnProps } from './turn-props.ts';
import { REGENERATE_KEYS } from './use-chat-commands.tsx';
import { UserActions } from './user-turn.tsx';
import classes from './chat.module.css';
import remoteClasses from './remote.module.css';

interface Props extends TurnProps {
  /** While this answer is being made. */
  readonly generation: Generation | undefined;
  readonly isLast: boolean;
  /** The message that it answers. */
  readonly prompt: Turn | undefined;
  /** Its calls have been answered. */
  readonly isAnswered: boolean;
}

/** What the model answered, how fast, and what went wrong. */
export function AnswerTurn(props: Props) {
  const { turn, actions, threadId, generation, isLast, mode, busy, isAnswered } = props;
  const { t } = useTranslation();
  const { message } = turn;
  const [editing, setEditing] = useState(false);
  const [showsTokens, setShowsTokens] = useState(false);
  const hasTokens = message.facts?.hasTokens === true;
  const { data: known } = useCall('chat.tokens', { threadId, messageId: message.id }, { enabled: hasTokens && showsTokens });
  const tokens = known?.tokens ?? undefined;
  const text = useAnswerTexts((texts) => (generation === undefined ? message.text : (texts[threadId] ?? '')));
  const plain = mode === 'text';
  const calls = message.toolCalls ?? [];
  return (
    <article
      className={classes.answer}
      aria-label={message.facts?.modelName ?? t('chat.answer')}
      aria-busy={generation !== undefined}
      data-last={isLast || undefined}
    >
      {editing ? (
        <AnswerEditor
          text={message.text}
          onSave={async (changed) => (await actions.editAnswer(message.id, changed)) && setEditing(false)}
          onCancel={() => setEditing(false)}
        />
      ) : showsTokens && tokens !== undefined && generation === undefined ? (
        <TokenView tokens={tokens} />
      ) : (
        text !== '' && (plain ? <span className={classes.plain}>{text}</span> : <Answer text={text} writing={generation !== undefined} />)
      )}
      {calls.length > 0 && generation === undefined && (
        <ToolCalls calls={calls} isAnswered={isAnswered} busy={busy} onResults={(results) => void actions.callTools(message.id, results)} />
      )}
      {generation !== undefined && <PhaseLine phase={generation.phase} />}
      {message.error !== null && generation === undefined && (
        <ErrorPanel
          error={message.error}
          action={isLast ? { label: t('common.retry'), run: () => void actions.regenerate(message.id), busy } : undefined}
        />
      )}
      {generation === undefined && !editing && !(message.text === '' && message.error !== null && isLast && !plain) && (
        <Foot
          {...props}
          tokensShown={hasTokens ? showsTokens : null}
          onTokens={() => setShowsTokens(!showsTokens)}
          onEdit={() => setEditing(true)}
        />
      )}
    </article>
  );
}

/** The words of an answer, after what the model thought before it. */
function Answer({ text, writing }: { readonly text: string; readonly writing: boolean }) {
  const { reasoning, answer, isOpen } = splitReasoning(text);
  return (
    <>
      {(reasoning !== '' || isOpen) && <Reasoning text={reasoning} writing={writing && isOpen} />}
      {answer !== '' && <Markdown text={answer} writing={writing} />}
    </>
  );
}

interface FootProps extends Props {
  /** Null where the tokens are not known. */
  readonly tokensShown: boolean | null;
  readonly onTokens: () => void;
  readonly onEdit: () => void;
}

function Foot({ turn, actions, threadId, isLast, mode, busy, prompt, isAnswered, editingId, tokensShown, onTokens, onEdit }: FootProps) {
  const { t } = useTranslation();
  const { message } = turn;
  const hasCalls = (message.toolCalls?.length ?? 0) > 0;
  return (
    <div className={classes.answerFoot}>
      {message.facts !== null && <Figures facts={message.facts} />}
      <div className={classes.turnActions}>
        {mode === 'text' && prompt !== undefined && (
          <UserActions turn={prompt} actions={actions} threadId={threadId} mode={mode} busy={busy} editingId={editingId} />
        )}
        <SiblingSwitch turn={turn} threadId={threadId} />
        {message.text !== '' && <CopyButton text={splitReasoning(message.text).answer} label={t('chat.copyAnswer')} />}
        <IconButton
          size={26}
          label={t('chat.regenerate')}
          keys={isLast ? REGENERATE_KEYS : undefined}
          disabled={busy}
          onClick={() => void actions.regenerate(message.id)}
        >
          <IconRefresh size={15} stroke={1.8} />
        </IconButton>
        <Menu position="bottom-end">
          <Menu.Target>
            <IconButton size={26} label={t('chat.answerMenu')}>
              <IconDots size={15} />
            </IconButton>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item
              leftSection={<IconPlayerTrackNext size={15} stroke={1.8} />}
              disabled={busy || message.text === '' || hasCalls || isAnswered || message.facts?.remote !== undefined}
              onClick={() => void actions.resume(message.id)}
            >
              {t('chat.resume')}
            </Menu.Item>
            <Menu.Item
              leftSection={<IconColumns2 size={15} stroke={1.8} />}
              disabled={busy || message.text === ''}
              onClick={() => compare(threadId, message.id)}
            >
              {t('compare.open')}
            </Menu.Item>
            <Menu.Item leftSection={<IconPencil size={15} stroke={1.8} />} disabled={busy || message.text === ''} onClick={onEdit}>
              {t('chat.editAnswer')}
            </Menu.Item>
            <Menu.Item leftSection={<IconWaveSine size={15} stroke={1.8} />} disabled={tokensShown === null} onClick={onTokens}>
              {t(tokensShown === true ? 'chatTokens.hide' : 'chatTokens.show')}
            </Menu.Item>
            <Menu.Item
              data-danger
              leftSection={<IconTrash size={15} stroke={1.8} />}
              disabled={busy}
              onClick={() => void actions.remove(message)}
            >
              {t('chat.removeAnswer')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
    </div>
  );
}

/** Speed and length; what the answer was made with, when asked. */
function Figures({ facts }: { readonly facts: NonNullable<Message['facts']> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { stopReason, sampling, remote } = facts;
  const isCounted = remote?.isCounted !== false;
  const parts = [
    facts.tokensPerSecond === null || !isCounted ? null : t('chat.figures.speed', { speed: format.figure(facts.tokensPerSecond) }),
    facts.timeToFirstTokenMs === null ? null : t('chat.figures.first', { time: format.duration(facts.timeToFirstTokenMs) }),
    t(isCounted ? 'chat.figures.tokens' : 'remoteChat.pieces', { count: facts.answerTokens, number: format.number(facts.answerTokens) }),
    facts.cachedTokens === 0 ? null : t('chat.figures.cached', { cached: format.number(facts.cachedTokens) }),
    stopReason === 'end' || stopReason === 'error' ? null : t(`chat.stopReasons.${stopReason}`),
    facts.isEdited === true ? t('chat.edited') : null,
    facts.adapters === undefined ? null : t('mixer.used', { adapters: mixOf(facts.adapters) }),
  ].filter((part) => part !== null);
  const more = [
    facts.modelName,
    isCounted
      ? t('chat.figures.prompt', { number: format.number(facts.promptTokens), cached: format.number(facts.cachedTokens) })
      : t('remoteChat.notCounted'),
    t('chat.figures.seed', { seed: String(sampling.seed ?? '–') }),
    t('chat.figures.temperature', { value: format.figure(sampling.temperature) }),
    ...(facts.droppedTurns === undefined
      ? []
      : [t('chatContext.dropped', { count: facts.droppedTurns, number: format.number(facts.droppedTurns) })]),
    ...(facts.summary === undefined
      ? []
      : [t('chatContext.readSummary', { count: facts.summary.turns, number: format.number(facts.summary.turns) })]),
  ].join(' · ');
  return (
    <Tooltip label={more} multiline maw={360} position="bottom-start">
      <p className={`${classes.figures} num`}>
        {remote !== undefined && (
          <>
            <span className={remoteClasses.made}>
              <IconCloud size={13} stroke={1.8} aria-hidden />
              {t('remoteChat.made', { engine: remote.name })}
            </span>{' '}
          </>
        )}
        {parts.join(' · ')}
      </p>
    </Tooltip>
  );
}
