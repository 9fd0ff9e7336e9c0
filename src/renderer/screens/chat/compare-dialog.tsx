import { Button, Modal } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { useEffect, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message, MixedAdapter } from '#contract/chat.ts';
import type { RemoteChoice } from '#contract/remote.ts';
import { ModelChoices } from '../../components/model-choices.tsx';
import { useModels, canChat } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { leaveComparing, useComparing } from './comparing.ts';
import { choose } from './drafts.ts';
import { generate, useAnswerTexts, useGenerations } from './generation.ts';
import { parentKey } from './message-tree.ts';
import { Markdown } from '../../markdown/markdown.tsx';
import { saveSettings } from './thread-settings.ts';
import { madeWith } from './made-with.ts';
import { RemoteChoices } from './remote-choices.tsx';
import classes from './compare.module.css';

/** What is to be other than in the thread. */
interface Way {
  readonly modelId?: string;
  readonly remote?: RemoteChoice;
  readonly adapters?: MixedAdapter[];
}

/** As many as can be read side by side. */
const MOST_SIDES = 4;

/** Answers beside one another to the same message, by the same seed: with other adapters, or of other models. */
export function CompareDialog({ threadId }: { readonly threadId: string }) {
  const open = useComparing((state) => state.open);
  const { data } = useCall('chat.thread', { threadId });
  // Whoever leaves the conversation has left this as well.
  useEffect(() => leaveComparing, []);
  const message = open?.threadId === threadId ? data?.messages.find(({ id }) => id === open.messageId) : undefined;
  return message === undefined ? null : <Sides key={message.id} threadId={threadId} message={message} />;
}

/** What the last column is: a choice of ways, an answer that is being made, one that came to nothing, or nothing more. */
type Last = 'choosing' | 'answering' | 'failed' | 'none';

function Sides({ threadId, message }: { readonly threadId: string; readonly message: Message }) {
  const { t } = useTranslation();
  const written = useAnswerTexts((texts) => texts[threadId] ?? '');
  const [last, setLast] = useState<Last>('choosing');
  const [others, setOthers] = useState<readonly Message[]>([]);

  const answer = async (change: Way): Promise<void> => {
    setLast('answering');
    // What was just moved in the panel goes for this answer too.
    await saveSettings(threadId);
    const seed = message.facts?.sampling.seed ?? null;
    const made = await generate(threadId, { kind: 'regenerate', messageId: message.id, ...(seed === null ? {} : { seed }), ...change });
    setLast(made === null ? 'failed' : 'none');
    if (made !== null) setOthers((before) => [...before, made]);
  };
  const keep = (kept: Message): void => {
    choose(threadId, parentKey(kept.parentId), kept.id);
    leaveComparing();
  };
  const close = (): void => {
    if (last === 'answering') useGenerations.getState().running[threadId]?.stop();
    leaveComparing();
  };
  const canKeep = last !== 'answering' && others.length > 0;
  return (
    <Modal
      opened
      onClose={close}
      size={others.length > 1 ? '84rem' : '60rem'}
      yOffset="6vh"
      title={t('compare.title')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <p className={classes.note}>{t('compare.note')}</p>
      <div className={classes.sides}>
        {[message, ...others].map((each) => (
          <Side key={each.id} message={each} text={each.text} isDone onKeep={canKeep ? () => keep(each) : undefined} />
        ))}
        {last === 'choosing' && (
          <Ways threadId={threadId} message={message} onWay={(change) => void answer(change)} onLeave={leaveComparing} />
        )}
        {(last === 'answering' || last === 'failed') && (
          <Side message={null} text={written} isDone={last === 'failed'} onKeep={undefined} />
        )}
      </div>
      {(last === 'none' || last === 'failed') && others.length + 1 < MOST_SIDES && (
        <Button mt={14} variant="subtle" leftSection={<IconPlus size={15} stroke={1.8} />} onClick={() => setLast('choosing')}>
          {t('compare.another')}
        </Button>
      )}
    </Modal>
  );
}

interface SideProps {
  /** Null while it is being made. */
  readonly message: Message | null;
  readonly text: string;
  readonly isDone: boolean;
  readonly onKeep: (() => void) | undefined;
}

function Side({ message, text, isDone, onKeep }: SideProps) {
  const { t } = useTranslation();
  const title = message?.facts == null ? t(isDone ? 'compare.failed' : 'compare.waiting') : madeWith(message.facts);
  return (
    <section className={classes.side} aria-label={title} aria-busy={!isDone}>
      <h3 className={classes.sideTitle}>{title}</h3>
      {/* Scrolls: reachable by keyboard. */}
      <div className={classes.text} tabIndex={0} role="group" aria-label={title}>
        {isDone && text !== '' ? <Markdown text={text} writing={false} /> : <span className={classes.plain}>{text}</span>}
      </div>
      {onKeep !== undefined && (
        <Button variant="default" onClick={onKeep}>
          {t('compare.keep')}
        </Button>
      )}
    </section>
  );
}

interface WaysProps {
  readonly threadId: string;
  readonly message: Message;
  readonly onWay: (change: Way) => void;
  readonly onLeave: () => void;
}

/** How else it could be answered: only in ways that are others than that of the answer. */
function Ways({ threadId, message, onWay, onLeave }: WaysProps) {
  const { t } = useTranslation();
  const models = useModels();
  const { data } = useCall('chat.thread', { threadId });
  const mix = data?.thread.adapters ?? [];
  const modelId = message.facts?.remote === undefined ? (message.facts?.modelId ?? data?.thread.modelId ?? null) : null;
  const others = useMemo(() => models.filter((model) => canChat(model) && model.id !== modelId), [models, modelId]);
  const used = message.facts?.adapters ?? [];
  const on = mix.filter(({ isOn }) => isOn);
  const isAsSet =
    on.length === used.length &&
    on.every(({ adapterId, scale }, index) => used[index]?.adapterId === adapterId && used[index].scale === scale);
  const same = modelId === null ? {} : { modelId };
  return (
    <div className={classes.ways}>
      {used.length > 0 && (
        <Button variant="default" justify="flex-start" onClick={() => onWay({ ...same, adapters: [] })}>
          {t('compare.plain')}
        </Button>
      )}
      {on.length > 0 && !isAsSet && modelId !== null && (
        <Button variant="default" justify="flex-start" onClick={() => onWay({ ...same, adapters: mix })}>
          {t('compare.mixed')}
        </Button>
      )}
      <h3 className={classes.sideTitle}>{t('compare.model')}</h3>
      <ModelChoices
        models={others}
        currentId={null}
        none={t('compare.noModel')}
        onChoose={(model) => onWay({ modelId: model.id, adapters: [] })}
      />
      <RemoteChoices current={null} onLeave={onLeave} onChoose={(remote) => onWay({ remote })} />
    </div>
  );
}
