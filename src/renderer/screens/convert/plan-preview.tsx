import { Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { FitVerdict } from '../../components/fit-mark.tsx';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { Warnings } from '../../jobs/warnings.tsx';
import { useCall } from '../../queries.ts';
import { targetName } from '../../targets.ts';
import { PlanMapView } from './plan-map-view.tsx';
import { planMap } from './plan-map.ts';
import { PlanTable } from './plan-table.tsx';
import type { Convert } from './use-convert.ts';
import classes from './convert.module.css';

/** What would become of each tensor under the recipe that is looked at, and what it takes. */
export function PlanPreview({ convert, modelId }: { readonly convert: Convert; readonly modelId: string }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [asTable, setAsTable] = useState(false);
  const { focused, options } = convert;
  const plan = useCall(
    'quantize.plan',
    { modelId, target: focused?.target ?? '', options, ...(focused === undefined ? {} : { format: focused.format }) },
    { enabled: focused !== undefined, keepPrevious: true },
  );
  const { data } = plan;
  const map = useMemo(() => (data === undefined ? undefined : planMap(data.tensors)), [data]);
  if (focused === undefined) return null;
  const rows =
    data === undefined
      ? []
      : ([
          ['size', format.bytes(data.sizeBytes)],
          ['bits', format.fixed(data.bitsPerWeight, 2)],
          ['format', t(`convert.options.formats.${data.format}`)],
          ['memory', format.bytes(data.memoryBytes)],
          ...(data.scratchBytes > 0 ? [['scratch', format.bytes(data.scratchBytes)] as const] : []),
          ...(data.calibrationPasses > 0 ? [['passes', format.number(data.calibrationPasses)] as const] : []),
        ] as const);

  return (
    <section className={classes.plan} aria-labelledby="convert-plan" aria-busy={plan.isFetching}>
      <div className={classes.planHead}>
        <h2 className={classes.sectionTitle} id="convert-plan">
          {t('convert.plan.title', { target: targetName(focused.target) })}
        </h2>
        {map !== undefined && (
          <Button variant="subtle" color="gray" size="xs" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            {t(asTable ? 'convert.plan.asMap' : 'convert.plan.asTable')}
          </Button>
        )}
      </div>
      <FitVerdict bytes={focused.needBytes} />
      {plan.isError && <ErrorPanel error={plan.error} action={{ label: t('common.retry'), run: () => void plan.refetch() }} />}
      {plan.isPending && <Progress label={t('convert.plan.working')} fraction={null} />}
      {data !== undefined && map !== undefined && !plan.isError && (
        <>
          <dl className={classes.planFacts}>
            {rows.map(([key, value]) => (
              <div key={key}>
                <dt>{t(`convert.plan.${key}`)}</dt>
                <dd className="num">{value}</dd>
              </div>
            ))}
          </dl>
          <Warnings warnings={data.warnings} />
          {asTable ? (
            <PlanTable plan={data} />
          ) : (
            <PlanMapView map={map} format={data.format} overrides={options.overrides} modelId={modelId} />
          )}
        </>
      )}
    </section>
  );
}
