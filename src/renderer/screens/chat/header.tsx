import { IconAdjustments } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { prefer, usePreferences } from '../../preferences.ts';
import { ModelChip } from './model-chip.tsx';
import type { Chat } from './use-chat.ts';
import { PANEL_KEYS } from './use-chat-commands.tsx';
import classes from './chat.module.css';

/** With which model, in which way, how full the context is. */
export function ChatHeader({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const open = usePreferences((state) => state.chatPanelOpen);
  return (
    <header className={classes.header}>
      <ModelChip chat={chat} />
      {chat.settings.mode === 'text' && chat.model !== undefined && <span className={classes.mode}>{t('chat.mode.textBadge')}</span>}
      <span className={classes.headerGap} />
      <ContextMeter chat={chat} />
      <IconButton
        label={t('chat.panel.toggle')}
        keys={PANEL_KEYS}
        aria-pressed={open}
        aria-expanded={open}
        onClick={() => prefer({ chatPanelOpen: !open })}
      >
        <IconAdjustments size={17} stroke={1.7} />
      </IconButton>
    </header>
  );
}

/** How much of what the model can look at is taken, by the last answer's count. */
function ContextMeter({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const format = useFormat();
  const status = useLive((state) => state.status);
  const facts = chat.turns.findLast(({ message }) => message.facts !== null)?.message.facts;
  if (facts == null || status.state !== 'ready' || status.modelId !== chat.settings.modelId) return null;
  const used = facts.promptTokens + facts.answerTokens;
  const share = Math.min(1, used / Math.max(1, status.contextLength));
  const words = t('chat.context', { used: format.number(used), total: format.number(status.contextLength) });
  return (
    <span
      className={classes.context}
      role="meter"
      aria-label={t('chat.contextLabel')}
      aria-valuemin={0}
      aria-valuemax={status.contextLength}
      aria-valuenow={used}
      aria-valuetext={words}
    >
      <span className={`${classes.contextWords} num`}>{words}</span>
      <span className={classes.contextTrack} aria-hidden>
        <span className={classes.contextBar} data-full={share > 0.9 || undefined} style={{ width: `${share * 100}%` }} />
      </span>
    </span>
  );
}
