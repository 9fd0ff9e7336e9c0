import { IconAdjustments, IconCopy, IconRefresh } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { copyText } from '../../clipboard.ts';
import { useCommands } from '../../commands/registry.ts';
import { prefer, usePreferences } from '../../preferences.ts';
import type { Chat } from './use-chat.ts';

const SIZE = { size: 16, stroke: 1.7 };

export const PANEL_KEYS = 'mod+.';
export const REGENERATE_KEYS = 'alt+r';
export const COPY_KEYS = 'alt+c';

/** What can be done in a conversation with the keyboard. */
export function useChatCommands(chat: Chat): void {
  const { t } = useTranslation();
  const answer = chat.turns.findLast(({ message }) => message.role === 'assistant')?.message;
  const idle = answer !== undefined && chat.generation === undefined;
  useCommands('chat', [
    {
      id: 'chat.panel',
      title: t('chat.panel.toggle'),
      section: 'chat',
      keys: PANEL_KEYS,
      icon: <IconAdjustments {...SIZE} />,
      run: () => prefer({ chatPanelOpen: !usePreferences.getState().chatPanelOpen }),
    },
    {
      id: 'chat.regenerate',
      title: t('chat.regenerate'),
      section: 'chat',
      keys: REGENERATE_KEYS,
      icon: <IconRefresh {...SIZE} />,
      enabled: idle,
      run: () => answer !== undefined && void chat.regenerate(answer.id),
    },
    {
      id: 'chat.copy',
      title: t('chat.copyAnswer'),
      section: 'chat',
      keys: COPY_KEYS,
      icon: <IconCopy {...SIZE} />,
      enabled: idle,
      run: () => answer !== undefined && void copyText(answer.text),
    },
  ]);
}
