import { Button, Popover, Radio, Stack } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CONTEXT_POLICIES, type ContextPolicy } from '#core/chat/context.ts';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { PromptDialog } from './prompt-dialog.tsx';
import type { Chat } from './use-chat.ts';
import classes from './context.module.css';

/** From this share on the end of the context is near. */
const NEARLY_FULL = 0.9;

/** How much of what the model can look at is taken, counted as one writes; opened, what happens when it is full. */
export function ContextMeter({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const format = useFormat();
  const status = useLive((state) => state.status);
  const [open, setOpen] = useState(false);
  const [showsPrompt, setShowsPrompt] = useState(false);
  if (status.state !== 'ready' || status.modelId !== chat.settings.modelId) return null;
  const facts = chat.turns.findLast(({ message }) => message.facts !== null)?.message.facts;
  const total = chat.report?.contextLength ?? status.contextLength;
  const used = chat.report?.promptTokens ?? (facts == null ? 0 : facts.promptTokens + facts.answerTokens);
  const share = Math.min(1, used / Math.max(1, total));
  const words = t('chat.context', { used: format.number(used), total: format.number(total) });
  const { sampling } = chat.settings;
  return (
    <>
      <Popover position="bottom-end" opened={open} onChange={setOpen} trapFocus returnFocus width={336}>
        <Popover.Target>
          <button type="button" className={classes.meter} onClick={() => setOpen(!open)} aria-label={`${t('chat.contextLabel')}: ${words}`}>
            <span className={`${classes.words} num`}>{words}</span>
            <span
              className={classes.track}
              role="meter"
              aria-label={t('chat.contextLabel')}
              aria-valuemin={0}
              aria-valuemax={total}
              aria-valuenow={Math.min(used, total)}
              aria-valuetext={words}
            >
              <span
                className={classes.bar}
                data-full={(used > total && 'over') || (share > NEARLY_FULL && 'near') || undefined}
                style={{ width: `${share * 100}%` }}
              />
            </span>
          </button>
        </Popover.Target>
        <Popover.Dropdown aria-label={t('chatContext.title')} className={classes.dropdown ?? ''}>
          <p className={classes.lead}>{t('chatContext.note', { total: format.number(total) })}</p>
          <Radio.Group
            label={t('chatContext.policy')}
            value={sampling.contextPolicy}
            onChange={(policy) => chat.change({ sampling: { ...sampling, contextPolicy: policy } })}
          >
            <Stack gap={10} mt={8}>
              {CONTEXT_POLICIES.map((policy) => (
                <Radio
                  key={policy}
                  size="xs"
                  value={policy}
                  label={t(`chatContext.policies.${policy}.name`)}
                  description={t(`chatContext.policies.${policy}.note`)}
                />
              ))}
            </Stack>
          </Radio.Group>
          <Button
            fullWidth
            mt={14}
            variant="default"
            onClick={() => {
              setOpen(false);
              setShowsPrompt(true);
            }}
          >
            {t('chatContext.show')}
          </Button>
        </Popover.Dropdown>
      </Popover>
      {showsPrompt && <PromptDialog chat={chat} onClose={() => setShowsPrompt(false)} />}
    </>
  );
}

/** Above the composer: what the model will not get to read, before it is sent. */
export function ContextNotice({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { report, settings } = chat;
  if (report === null || chat.generation !== undefined) return null;
  const { fits, droppedTurns, droppedSystem, promptTokens, contextLength } = report;
  if (fits && droppedTurns === 0 && !droppedSystem) return null;
  const { sampling } = settings;
  const drops = sampling.contextPolicy === 'summarise' ? 'summarises' : droppedSystem ? 'dropsSystem' : 'drops';
  const canRoll = settings.mode === 'chat' && sampling.contextPolicy === 'stop' && chat.turns.length > 0;
  const follow = (contextPolicy: ContextPolicy): void => chat.change({ sampling: { ...sampling, contextPolicy } });
  return (
    <div className={classes.notice} data-blocking={!fits || undefined} role="status">
      <span>
        {fits
          ? t(`chatContext.${drops}`, { count: droppedTurns, number: format.number(droppedTurns) })
          : t('chatContext.tooLong', { over: format.number(promptTokens - contextLength + 1), total: format.number(contextLength) })}
      </span>
      {!fits && canRoll && (
        <span className={classes.ways}>
          <Button variant="default" size="xs" onClick={() => follow('summarise')}>
            {t('chatContext.policies.summarise.name')}
          </Button>
          <Button variant="default" size="xs" onClick={() => follow('keepSystem')}>
            {t('chatContext.roll')}
          </Button>
        </span>
      )}
    </div>
  );
}
