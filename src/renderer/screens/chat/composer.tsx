import { Button, Textarea } from '@mantine/core';
import { IconArrowUp, IconPlayerStopFilled } from '@tabler/icons-react';
import { useEffect, useRef, type KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { Kbd } from '../../components/kbd.tsx';
import { isCovered } from '../../layers.ts';
import { ContextNotice } from './context-meter.tsx';
import { LoadNotice } from './load-notice.tsx';
import { Mixer } from './mixer.tsx';
import type { Chat } from './use-chat.ts';
import classes from './chat.module.css';

/** Where the user writes. It can be written in at any time, also while a model loads or answers. */
export function Composer({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const field = useRef<HTMLTextAreaElement>(null);
  const { generation, draft, settings } = chat;
  const wanted = settings.mode === 'text' && chat.turns.length > 0 ? 'textMore' : settings.mode;
  const isEditing = draft.editing !== null;
  const canSend = draft.text.trim() !== '' && generation === undefined && chat.answererName !== undefined && chat.report?.fits !== false;
  const stopping = generation?.phase.kind === 'stopping';

  useEffect(() => {
    if (!isCovered()) field.current?.focus();
  }, [chat.threadId]);

  const send = (): void => {
    if (!canSend) return;
    void chat.send(draft.text);
    field.current?.focus();
  };
  const press = (event: KeyboardEvent): void => {
    // Enter that ends the composition of a Chinese word is no command.
    if (event.nativeEvent.isComposing || event.keyCode === 229) return;
    if (event.key === 'Enter' && !event.shiftKey) send();
    else if (event.key === 'Escape' && generation !== undefined) generation.stop();
    else if (event.key === 'Escape' && isEditing) chat.cancelEdit();
    else if (event.key === 'ArrowUp' && draft.text === '' && generation === undefined) {
      const last = chat.turns.findLast(({ message }) => message.role === 'user');
      if (last === undefined) return;
      chat.edit(last);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className={classes.composer}>
      <LoadNotice chat={chat} />
      <ContextNotice chat={chat} />
      <Mixer chat={chat} />
      <div className={classes.composerBox}>
        {isEditing && (
          <div className={classes.editing}>
            <span>{t('chat.editing')}</span>
            <Button variant="subtle" color="gray" size="xs" onClick={chat.cancelEdit}>
              {t('common.cancel')}
            </Button>
          </div>
        )}
        <Textarea
          ref={field}
          data-composer
          aria-label={t(`chat.composer.${wanted}`)}
          placeholder={t(`chat.composer.${chat.answererName === undefined ? 'none' : wanted}`)}
          value={draft.text}
          autosize
          minRows={1}
          maxRows={12}
          variant="unstyled"
          classNames={{ input: classes.composerInput ?? '' }}
          onChange={(event) => chat.setText(event.currentTarget.value)}
          onKeyDown={press}
        />
        <div className={classes.composerFoot}>
          <span className={classes.hint}>
            {generation === undefined ? (
              <>
                <Kbd keys="enter" /> {t('chat.hints.send')} <Kbd keys="shift+enter" /> {t('chat.hints.newline')}
              </>
            ) : (
              <>
                <Kbd keys="escape" /> {t('chat.hints.stop')}
              </>
            )}
          </span>
          {generation === undefined ? (
            <IconButton variant="filled" color="verdigris" size={30} label={t('chat.send')} disabled={!canSend} onClick={send}>
              <IconArrowUp size={17} stroke={2.2} />
            </IconButton>
          ) : (
            <IconButton
              variant="filled"
              color="verdigris"
              size={30}
              label={t('chat.stop')}
              keys="escape"
              disabled={stopping}
              onClick={generation.stop}
            >
              <IconPlayerStopFilled size={14} />
            </IconButton>
          )}
        </div>
      </div>
    </div>
  );
}
