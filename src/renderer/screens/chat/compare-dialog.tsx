import { Button, Modal } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Message, MixedAdapter } from '#contract/chat.ts';
import type { RemoteChoice } from '#contract/remote.ts';
import { ModelChoices } from '../../components/model-choices.tsx';
import { useModels, canChat } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { choose } from './drafts.ts';
import { generate, useAnswerTexts, useGenerations } from './generation.ts';
import { parentKey } from './message-tree.ts';
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

interface Props {
  readonly threadId: string;
  readonly message: Message;
  readonly onClose: () => void;
}

/** An answer beside another one to the same message, by the same seed: with other adapters, or of another model. */
export function CompareDialog({ threadId, message, onClose }: Props) {
  const { t } = useTranslation();
  const generation = useGenerations((state) => state.running[threadId]);
  const written = useAnswerTexts((texts) => texts[threadId] ?? '');
  const [state, setState] = useState<'choosing' | 'answering' | 'failed'>('choosing');
  const [other, setOther] = useState<Message | null>(null);

  const answer = async (change: Way): Promise<void> => {
    setState('answering');
    // What was just moved in the panel goes for this answer too.
    await saveSettings(threadId);
    const seed = message.facts?.sampling.seed ?? null;
    const made = await generate(threadId, { kind: 'regenerate', messageId: message.id, ...(seed === null ? {} : { seed }), ...change });
    if (made === null) setState('failed');
    else setOther(made);
  };
  const keep = (kept: Message): void => {
    choose(threadId, parentKey(kept.parentId), kept.id);
    onClose();
  };
  const close = (): void => {
    if (state === 'answering' && other === null) generation?.stop();
    onClose();
  };

  return (
    <Modal
      opened
      onClose={close}
      size="60rem"
      yOffset="6vh"
      title={t('compare.title')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <p className={classes.note}>{t('compare.note')}</p>
      <div className={classes.sides}>
        <Side message={message} text={message.text} isDone onKeep={other === null ? undefined : () => keep(message)} />
        {state === 'choosing' ? (
          <Ways threadId={threadId} message={message} onWay={(change) => void answer(change)} onLeave={onClose} />
        ) : (
          <Side
            message={other}
            text={other?.text ?? written}
            isDone={other !== null || state === 'failed'}
            onKeep={other === null ? undefined : () => keep(other)}
          />
        )}
      </div>
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
        {text}
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
