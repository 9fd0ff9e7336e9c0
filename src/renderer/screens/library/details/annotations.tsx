import { TagsInput, Textarea } from '@mantine/core';
import { useEffect, useEffectEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { useAction } from '../../../queries.ts';
import { useModels } from '../../../models.ts';
import { errorToast } from '../../../toasts.tsx';
import classes from './details.module.css';

/** How long after the last key a note is saved. */
const SAVE_MS = 600;

/** What the user writes to a model. Saved as it is written. */
export function Annotations({ model }: { readonly model: Model }) {
  const { t } = useTranslation();
  const models = useModels();
  const update = useAction('library.update');
  const [note, setNote] = useState(model.note);
  const known = [...new Set(models.flatMap(({ tags }) => tags))].sort();

  const save = useEffectEvent(() => {
    if (note !== model.note) update.mutate({ modelId: model.id, note }, { onError: errorToast });
  });
  useEffect(() => {
    const timer = setTimeout(() => save(), SAVE_MS);
    return () => clearTimeout(timer);
  }, [note]);
  useEffect(() => () => save(), []);

  return (
    <div className={classes.annotations}>
      <TagsInput
        aria-label={t('library.tags')}
        placeholder={model.tags.length === 0 ? t('library.addTags') : ''}
        value={model.tags}
        data={known}
        maxTags={50}
        splitChars={[',', '，', ' ']}
        variant="unstyled"
        classNames={{ input: classes.quiet ?? '', pill: classes.tagPill ?? '' }}
        onChange={(tags) => update.mutate({ modelId: model.id, tags }, { onError: errorToast })}
      />
      <Textarea
        aria-label={t('library.note')}
        placeholder={t('library.addNote')}
        value={note}
        autosize
        minRows={1}
        maxRows={8}
        variant="unstyled"
        classNames={{ input: classes.quiet ?? '' }}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </div>
  );
}
