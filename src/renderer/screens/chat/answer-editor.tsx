import { Button, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { focusOn } from './focus-on.ts';
import classes from './turns.module.css';

interface Props {
  readonly text: string;
  readonly onSave: (text: string) => unknown;
  readonly onCancel: () => void;
}

/** An answer in other words: the model goes on from there as if it had said so. */
export function AnswerEditor({ text, onSave, onCancel }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(text);
  return (
    <form
      className={classes.editor}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(typed);
      }}
    >
      <Textarea
        ref={focusOn}
        aria-label={t('chat.editAnswer')}
        description={t('chat.editAnswerNote')}
        inputWrapperOrder={['input', 'description']}
        value={typed}
        autosize
        minRows={3}
        maxRows={24}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.stopPropagation();
          onCancel();
        }}
      />
      <div className={classes.editorFoot}>
        <Button variant="default" onClick={onCancel}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" disabled={typed.trim() === '' || typed === text}>
          {t('common.save')}
        </Button>
      </div>
    </form>
  );
}
