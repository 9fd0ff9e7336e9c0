import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, useImperativeHandle, useLayoutEffect, useMemo, useRef, type Ref, type RefObject } from 'react';
import { AnswerTurn } from './answer-turn.tsx';
import { ContextMark, type Mark } from './context-mark.tsx';
import type { Generation } from './generation.ts';
import type { Turn } from './message-tree.ts';
import { ToolTurn } from './tool-calls.tsx';
import type { TurnProps } from './turn-props.ts';
import type { Chat, ChatActions } from './use-chat.ts';
import { UserTurn } from './user-turn.tsx';
import classes from './turns.module.css';

/** Longer conversations have only the messages in view in the page. A text is one flow of words, and always whole. */
const WHOLE_UP_TO = 60;
/** Before a message was measured: about a short answer. */
const ROW_PX = 140;
/** Messages above and below the view that are there already when one scrolls. */
const AHEAD = 6;

export interface TurnListHandle {
  /** Bring a message into view. */
  show(index: number): void;
}

interface Props {
  readonly ref: Ref<TurnListHandle>;
  readonly chat: Chat;
  readonly threadId: string;
  readonly scroller: RefObject<HTMLDivElement | null>;
  /** Lines between messages, by the message above. */
  readonly marks: ReadonlyMap<string, Mark>;
  /** The message that a search led to. */
  readonly foundId: string | null;
  readonly follows: RefObject<boolean>;
}

/** The messages of the branch in view. While an answer is written, only its own message is rendered anew. */
export function TurnList(props: Props) {
  const { chat } = props;
  const isLong = chat.settings.mode === 'chat' && chat.turns.length > WHOLE_UP_TO;
  return isLong ? <LongList {...props} /> : <WholeList {...props} />;
}

function WholeList(props: Props) {
  const { ref, chat, scroller } = props;
  const rowOf = useRows(props);
  useImperativeHandle(ref, () => ({
    show: (index) => scroller.current?.querySelectorAll('article')[index]?.scrollIntoView({ block: 'center' }),
  }));
  return chat.turns.map((_, index) => rowOf(index));
}

function LongList(props: Props) {
  const { ref, chat, scroller, follows } = props;
  const { turns } = chat;
  const rowOf = useRows(props);
  const virtualizer = useVirtualizer({
    count: turns.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: AHEAD,
    getItemKey: (index) => turns[index]?.message.id ?? index,
    initialOffset: () => (follows.current ? turns.length * ROW_PX : 0),
  });
  useImperativeHandle(ref, () => ({ show: (index) => virtualizer.scrollToIndex(index, { align: 'center' }) }));
  const size = virtualizer.getTotalSize();
  useLayoutEffect(() => {
    // A message that turns out longer than was thought moves the end.
    if (follows.current) scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  }, [size, follows, scroller]);
  return (
    <div className={classes.virtual} style={{ height: size }}>
      {virtualizer.getVirtualItems().map(({ index, key, start }) => (
        <div
          key={key}
          ref={virtualizer.measureElement}
          data-index={index}
          className={classes.row}
          style={{ transform: `translateY(${start}px)` }}
        >
          {rowOf(index)}
        </div>
      ))}
    </div>
  );
}

/** How a message is rendered, by its place. */
function useRows({ chat, threadId, marks, foundId }: Props) {
  const { turns, generation, settings, draft } = chat;
  const actions = useStableActions(chat);
  const names = useMemo(() => {
    const calls = turns.flatMap(({ message }) => message.toolCalls ?? []);
    return new Map(calls.map(({ id, name }) => [id, name]));
  }, [turns]);
  return (index: number) => {
    const turn = turns[index];
    if (turn === undefined) return null;
    const next = turns[index + 1];
    const mark = marks.get(turn.message.id);
    return (
      <Row
        key={turn.message.id}
        turn={turn}
        actions={actions}
        threadId={threadId}
        mode={settings.mode}
        busy={generation !== undefined}
        editingId={draft.editing?.id ?? null}
        generation={generation?.answerId === turn.message.id ? generation : undefined}
        isLast={next === undefined}
        isAnswered={next?.message.role === 'tool'}
        prompt={turns[index - 1]}
        toolName={names.get(turn.message.toolCallId ?? '') ?? ''}
        // Not as one object, which is another one at every render.
        markKind={mark?.kind}
        summary={mark?.kind === 'summarised' ? mark.summary : undefined}
        isFound={turn.message.id === foundId}
      />
    );
  };
}

interface RowProps extends TurnProps {
  readonly generation: Generation | undefined;
  readonly isLast: boolean;
  readonly isAnswered: boolean;
  readonly prompt: Turn | undefined;
  readonly toolName: string;
  readonly markKind: Mark['kind'] | undefined;
  readonly summary: string | undefined;
  readonly isFound: boolean;
}

const Row = memo(function Row({ toolName, markKind, summary, isFound, ...props }: RowProps) {
  const { message } = props.turn;
  const turn =
    message.role === 'user' ? (
      <UserTurn {...props} />
    ) : message.role === 'tool' ? (
      <ToolTurn name={toolName} text={message.text} />
    ) : (
      <AnswerTurn {...props} />
    );
  return (
    <>
      {isFound ? <div className={classes.found}>{turn}</div> : turn}
      {markKind !== undefined && <ContextMark kind={markKind} summary={summary} />}
    </>
  );
});

/** The same functions at every render, which do what the latest ones do. */
function useStableActions(chat: ChatActions): ChatActions {
  const latest = useRef(chat);
  useLayoutEffect(() => {
    latest.current = chat;
  });
  return useMemo(
    () => ({
      edit: (turn) => latest.current.edit(turn),
      editAnswer: (messageId, text) => latest.current.editAnswer(messageId, text),
      regenerate: (messageId) => latest.current.regenerate(messageId),
      resume: (messageId) => latest.current.resume(messageId),
      callTools: (messageId, results) => latest.current.callTools(messageId, results),
      remove: (message) => latest.current.remove(message),
    }),
    [],
  );
}
