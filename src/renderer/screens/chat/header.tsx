import { IconAdjustments } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { prefer, usePreferences } from '../../preferences.ts';
import { ContextMeter } from './context-meter.tsx';
import { MixerChoice } from './mixer-choice.tsx';
import { ModelChip } from './model-chip.tsx';
import { RemoteBadge } from './remote-badge.tsx';
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
      <MixerChoice chat={chat} />
      {chat.settings.mode === 'text' && chat.model !== undefined && <span className={classes.mode}>{t('chat.mode.textBadge')}</span>}
      <span className={classes.headerGap} />
      <ContextMeter chat={chat} />
      <RemoteBadge chat={chat} />
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
