import { Button, NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import type { Output } from '../../../api.ts';
import { ErrorPanel } from '../../../components/error-panel.tsx';
import { useFormat } from '../../../format.ts';
import { openJobs } from '../../../layers.ts';
import { useModel } from '../../../models.ts';
import { useAction, useCall } from '../../../queries.ts';
import { QualityCard } from '../../../quality/quality-card.tsx';
import classes from './details.module.css';

interface Props {
  readonly model: Model;
  readonly sourceId: string | null;
}

/** The model that this one lost something against, where Lathe made it: what a measure needs. */
export const sourceOf = (details: Output<'library.get'> | undefined): string | null =>
  details?.lineage.parents.find(({ role }) => role === 'source')?.modelId ?? null;

/** The measures of one model, the newest first, and the way to one more. */
export function Quality({ model, sourceId }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const cards = useCall('quantize.cards', { modelId: model.id });
  const start = useAction('jobs.start');
  const [chosenId, setChosenId] = useState<string | null>(null);
  const own = (cards.data ?? []).filter(({ modelId }) => modelId === model.id);
  const card = own.find(({ id }) => id === chosenId) ?? own[0];
  const source = useModel(card?.sourceId ?? sourceId);
  const measure = (): void => {
    if (source === undefined) return;
    start.mutate({ spec: { kind: 'quality', modelId: model.id, sourceId: source.id } }, { onSuccess: openJobs });
  };
  return (
    <div className={classes.overview}>
      {cards.isError && <ErrorPanel error={cards.error} action={{ label: t('common.retry'), run: () => void cards.refetch() }} />}
      {start.error !== null && <ErrorPanel error={start.error} onDismiss={start.reset} />}
      {cards.isSuccess && (
        <div className={classes.qualityHead}>
          <p className={classes.sentence}>{card === undefined ? t('quality.none') : t('quality.intro', { source: card.sourceName })}</p>
          {own.length > 1 && (
            <NativeSelect
              aria-label={t('quality.choose')}
              value={card?.id ?? ''}
              data={own.map(({ id, madeMs, measure: { textName } }) => ({ value: id, label: `${format.moment(madeMs)}, ${textName}` }))}
              onChange={(event) => setChosenId(event.currentTarget.value)}
            />
          )}
          {source !== undefined && model.state.status === 'ready' && (
            <Button variant="default" loading={start.isPending} onClick={measure}>
              {t(card === undefined ? 'quality.measure' : 'quality.again')}
            </Button>
          )}
        </div>
      )}
      {card !== undefined && <QualityCard card={card} />}
    </div>
  );
}
