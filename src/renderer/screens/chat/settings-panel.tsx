import { SegmentedControl, Textarea } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { prefer } from '../../preferences.ts';
import { FormatField } from './format-field.tsx';
import { LoadFields } from './load-fields.tsx';
import { Presets } from './presets.tsx';
import { SamplingFields } from './sampling-fields.tsx';
import { ToolsField } from './tools-field.tsx';
import type { Chat } from './use-chat.ts';
import classes from './panel.module.css';

/** How this conversation is held: what the model is told first, and how the next token is chosen. */
export function SettingsPanel({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { settings, change } = chat;
  return (
    <aside className={classes.panel} aria-label={t('chat.panel.title')}>
      <div className={classes.head}>
        <h2 className={classes.title}>{t('chat.panel.title')}</h2>
        <IconButton label={t('common.close')} onClick={() => prefer({ chatPanelOpen: false })}>
          <IconX size={16} stroke={1.7} />
        </IconButton>
      </div>
      <div className={classes.body}>
        {chat.remote === null && (
          <div>
            <SegmentedControl
              fullWidth
              aria-label={t('chat.mode.label')}
              value={settings.mode}
              data={(['chat', 'text'] as const).map((value) => ({ value, label: t(`chat.mode.${value}`) }))}
              onChange={(mode) => change({ mode: mode })}
            />
            <p className={classes.note}>{t(`chat.mode.${settings.mode}Note`)}</p>
          </div>
        )}
        {(settings.mode === 'chat' || settings.systemPrompt !== '') && (
          <Textarea
            label={t(`chat.systemPrompt.${settings.mode}.label`)}
            description={t(`chat.systemPrompt.${settings.mode}.note`)}
            placeholder={t('chat.systemPrompt.placeholder')}
            autosize
            minRows={3}
            maxRows={10}
            value={settings.systemPrompt}
            onChange={(event) => change({ systemPrompt: event.currentTarget.value })}
          />
        )}
        <div className={classes.sampling}>
          <h3 className={classes.title}>{t('chatSampling.title')}</h3>
          <Presets chat={chat} />
          {chat.remote?.engine !== undefined && <p className={classes.note}>{t('remoteChat.sent', { engine: chat.remote.engine.name })}</p>}
        </div>
        <SamplingFields chat={chat} />
        <FormatField chat={chat} />
        {settings.mode === 'chat' && <ToolsField chat={chat} />}
        {chat.model !== undefined && <LoadFields key={chat.model.id} model={chat.model} />}
      </div>
    </aside>
  );
}
