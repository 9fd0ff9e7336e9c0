import { Button } from '@mantine/core';
import { IconAlertTriangle, IconCircleCheck, IconCircleX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../../components/copy-button.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { MemoryBar, type MemoryPart } from '../../components/memory-bar.tsx';
import { useRemedyText } from '../../components/remedy-text.ts';
import { useFormat } from '../../format.ts';
import { goTo } from '../../navigation.ts';
import { useAction } from '../../queries.ts';
import { loadOf, remedyChange, type Answer } from '#core/memory/answer.ts';
import type { Draft } from '#core/memory/draft.ts';
import { set } from './draft.ts';
import { useAnswerText, useDeviceName, useVerdict } from './words.ts';
import classes from './memory.module.css';

const ICONS = { fits: IconCircleCheck, tight: IconAlertTriangle, short: IconCircleX };

interface Props {
  readonly name: string;
  readonly draft: Draft;
  readonly answer: Answer;
  /** To be opened in the chat; null where there is no such file. */
  readonly chatModelId: string | null;
}

/** The verdict in words, what would make it fit, and a bar for each device. */
export function Result({ name, draft, answer, chatModelId }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const verdict = useVerdict();
  const remedyText = useRemedyText();
  const answerText = useAnswerText();
  const nameOf = useDeviceName();
  const { status, total, remedies, speed, confidence } = answer;
  const setLoad = useAction('chat.setLoadSettings');
  const openChat = async (modelId: string): Promise<void> => {
    // What another computer would do is no wish for this one.
    if (draft.card === null) await setLoad.mutateAsync({ modelId, settings: loadOf(draft) });
    goTo.newChat(modelId);
  };
  const Icon = ICONS[status];
  const isRange = total.highBytes > total.lowBytes;
  return (
    <section className={classes.result} aria-label={t('estimate.title')}>
      <div className={classes.verdict} data-status={status}>
        <Icon size={20} aria-hidden />
        <div className={classes.verdictText}>
          <p role="status" className={classes.verdictHead}>
            {verdict(answer)}
          </p>
          <p className="num">
            {isRange
              ? t('estimate.needed', {
                  total: format.bytes(total.totalBytes),
                  low: format.bytes(total.lowBytes),
                  high: format.bytes(total.highBytes),
                })
              : format.bytes(total.totalBytes)}
          </p>
        </div>
        {chatModelId !== null && (
          <Button variant="default" size="xs" loading={setLoad.isPending} onClick={() => void openChat(chatModelId)}>
            {t(draft.card === null ? 'estimate.openChat' : 'estimate.openChatPlain')}
          </Button>
        )}
        <CopyButton text={answerText(name, answer)} label={t('estimate.copy')} />
      </div>
      {setLoad.error !== null && <ErrorPanel error={setLoad.error} onDismiss={setLoad.reset} />}
      {status === 'short' && (
        <div className={classes.fixes}>
          <p className={classes.note}>{t(remedies.length > 0 ? 'estimate.fixes' : 'estimate.nothingHelps')}</p>
          {remedies.map((remedy) => (
            <Button key={remedy.kind} variant="light" size="xs" onClick={() => set(remedyChange(remedy))}>
              {remedyText(remedy, answer.gpuLayers)}
            </Button>
          ))}
        </div>
      )}
      <div className={classes.devices}>
        {answer.devices.map((device) => (
          <div key={device.device}>
            <div className={classes.deviceHead}>
              <h2>{nameOf(device)}</h2>
              <span className="num">
                {t('estimate.ofCapacity', { used: format.bytes(device.totalBytes), total: format.bytes(device.capacityBytes) })}
              </span>
            </div>
            <MemoryBar
              parts={Object.fromEntries(device.amounts.map(({ kind, bytes }) => [kind, bytes])) as Partial<Record<MemoryPart, number>>}
              totalBytes={device.capacityBytes}
              range={device}
              legend
            />
          </div>
        ))}
      </div>
      {answer.factor !== 1 && answer.correction !== null && (
        <p className={`${classes.note} num`}>
          {t('estimate.measured.corrected', {
            factor: format.figure(answer.factor),
            count: answer.correction.count,
            number: format.number(answer.correction.count),
          })}
        </p>
      )}
      <p className={classes.note}>{t(confidence === 'low' ? 'estimate.guessNote' : 'estimate.rangeNote')}</p>
      {draft.task === 'run' && (
        <p className={`${classes.note} num`}>
          {speed === undefined
            ? t('estimate.noSpeed')
            : t('estimate.speed', {
                speed: format.figure(speed.tokensPerSecond),
                low: format.figure(speed.low),
                high: format.figure(speed.high),
              })}
        </p>
      )}
    </section>
  );
}
