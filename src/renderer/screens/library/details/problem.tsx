import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { ErrorPanel } from '../../../components/error-panel.tsx';
import { PathField } from '../../../components/path-field.tsx';
import { useAction } from '../../../queries.ts';
import classes from './details.module.css';

/** Why a model cannot be used now, and the two ways out: look again, or say where it is. */
export function Problem({ model }: { readonly model: Model }) {
  const { t } = useTranslation();
  const refresh = useAction('library.refresh');
  const [locating, setLocating] = useState(false);
  const [path, setPath] = useState(model.path);
  if (model.state.status === 'ready') return null;
  return (
    <div className={classes.notice}>
      <ErrorPanel
        error={refresh.error ?? model.state.error}
        action={{ label: t('common.retry'), run: () => refresh.mutate({ modelId: model.id }), busy: refresh.isPending && !locating }}
      >
        <Button variant="default" onClick={() => setLocating(!locating)} aria-expanded={locating}>
          {t('library.locate')}
        </Button>
      </ErrorPanel>
      {locating && (
        <form
          className={classes.locate}
          onSubmit={(event) => {
            event.preventDefault();
            refresh.mutate({ modelId: model.id, path });
          }}
        >
          <PathField label={t('library.newPath')} value={path} onChange={setPath} first />
          <Button type="submit" loading={refresh.isPending} disabled={path === ''}>
            {t('library.usePath')}
          </Button>
        </form>
      )}
    </div>
  );
}
