import { Link } from '@tanstack/react-router';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import type { Output } from '../../../api.ts';
import { useFormat } from '../../../format.ts';
import { useCall } from '../../../queries.ts';
import classes from './details.module.css';

/** Runs that are shown; the others are on the Benchmark screen. */
const SHOWN = 5;

type Measured = Output<'benchmark.history'>[number];

/** What was measured of a model, run by run: the first speed, and what it loses. Nothing where it was never measured. */
export function Benchmarks({ model }: { readonly model: Model }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { data: history = [] } = useCall('benchmark.history', { modelId: model.id });
  // The model alone: an adapter beside its weights is another variant.
  const runs = Map.groupBy(
    history.filter(({ target }) => target.adapters.length === 0),
    ({ runId }) => runId,
  );
  if (runs.size === 0) return null;
  const textOf = (cells: readonly Measured[]): string => {
    const results = cells.map(({ cell }) => cell.result);
    const speed = results.find((result) => result?.kind === 'speed');
    const quality = results.find((result) => result?.kind === 'quality');
    return [
      speed?.newPerSecond == null ? null : t('benchmark.history.writing', { rate: format.figure(speed.newPerSecond.median) }),
      speed?.peakMemoryBytes == null ? null : format.bytes(speed.peakMemoryBytes + (speed.peakVramBytes ?? 0)),
      quality?.against == null ? null : t('benchmark.history.kl', { kl: format.small(quality.against.meanKl) }),
    ]
      .filter((part) => part !== null)
      .join(' · ');
  };
  return (
    <section aria-labelledby="benchmarks">
      <h3 className={classes.sectionTitle} id="benchmarks">
        {t('benchmark.history.title')}
      </h3>
      <dl className={`${classes.facts} num`}>
        {[...runs].slice(0, SHOWN).map(([runId, cells]) => (
          <div key={runId} className={classes.fact}>
            <dt>
              <Link to="/benchmark" search={{ run: runId }} className={classes.link}>
                {cells[0]?.runName}
              </Link>
            </dt>
            <dd>{textOf(cells)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
