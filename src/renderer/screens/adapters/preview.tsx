import { Button } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconArrowsDiff } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { GiB } from '#core/bytes.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { useCall } from '../../queries.ts';
import { changeMap, type ChangeMap } from './change-map.ts';
import { ChangeMapView } from './change-map-view.tsx';
import { ChangeTable } from './change-table.tsx';
import { useAdapterSettings } from './store.ts';
import type { Adapters } from './use-adapters.ts';
import classes from './adapters.module.css';

/** A slider that moves asks for nothing. */
const STILL_MS = 250;
/** To measure the change all changed weights of the base are read: of a larger one only when asked. */
const UNASKED_BYTES = 2 * GiB;

/** What the chosen adapters do to the weights, before anything is written. */
export function Preview({ view }: { readonly view: Adapters }) {
  return view.mode === 'combine' ? <CombinedPreview view={view} /> : <MergedPreview view={view} />;
}

function MergedPreview({ view }: { readonly view: Adapters }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { base, chosen } = view;
  const [askedFor, setAskedFor] = useState('');
  const [uses] = useDebouncedValue(chosen, STILL_MS);
  // Of one adapter the change grows with its strength: it is measured once.
  const only = uses.length === 1 ? uses[0] : undefined;
  const adapters = uses.map(({ adapterId, scale }) => ({ adapterId, scale: only === undefined ? scale : 1 }));
  const modelId = base?.model.id ?? '';
  const isLarge = (base?.model.sizeBytes ?? 0) > UNASKED_BYTES;
  const canAsk = base?.problem === null && adapters.length > 0;
  const isAsked = !isLarge || askedFor === modelId;
  const changes = useCall('adapters.preview', { baseId: modelId, adapters }, { enabled: canAsk && isAsked, keepPrevious: true });
  const factor = Math.abs(chosen.length === 1 ? (chosen[0]?.scale ?? 1) : 1);
  const map = useMemo(
    () =>
      changes.data === undefined
        ? undefined
        : changeMap(changes.data.map(({ weight, layer, relativeChange }) => ({ weight, layer, value: relativeChange * factor }))),
    [changes.data, factor],
  );
  if (!canAsk) return <Hint text={t(chosen.length === 0 ? 'adapters.preview.none' : 'adapters.preview.noBase')} />;
  if (!isAsked)
    return (
      <Hint text={t('adapters.preview.large', { size: format.bytes(base.model.sizeBytes) })}>
        <Button variant="default" onClick={() => setAskedFor(modelId)}>
          {t('adapters.preview.measure')}
        </Button>
      </Hint>
    );
  return (
    <Box title={t('adapters.preview.title')} note={t('adapters.preview.note')} map={map} busy={changes.isFetching}>
      {changes.isError && <ErrorPanel error={changes.error} action={{ label: t('common.retry'), run: () => void changes.refetch() }} />}
    </Box>
  );
}

function CombinedPreview({ view }: { readonly view: Adapters }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { combine: options } = useAdapterSettings();
  const [asked] = useDebouncedValue(
    { adapters: view.chosen.map(({ adapterId, scale }) => ({ adapterId, scale })), options, baseId: baseNeeded(view) },
    STILL_MS,
  );
  const canAsk = asked.adapters.length > 1;
  const found = useCall('adapters.previewCombined', asked, { enabled: canAsk, keepPrevious: true });
  const { data } = found;
  const map = useMemo(
    () => (data === undefined ? undefined : changeMap(data.map(({ weight, layer, distance }) => ({ weight, layer, value: distance })))),
    [data],
  );
  if (!canAsk) return <Hint text={t('adapters.preview.two')} />;
  const energy = meanCurve(data?.flatMap((change) => (change.energy === undefined ? [] : [change.energy])) ?? []);
  const ranks = data?.map(({ rank }) => rank) ?? [];
  const shares = data?.reduce(
    (sum, { distance, sumLength }) => ({ apart: sum.apart + (distance * sumLength) ** 2, whole: sum.whole + sumLength ** 2 }),
    { apart: 0, whole: 0 },
  );
  return (
    <Box title={t('adapters.preview.combined')} note={t('adapters.preview.combinedNote')} map={map} busy={found.isFetching}>
      {found.isError && <ErrorPanel error={found.error} />}
      {data !== undefined && !found.isError && (
        <dl className={`${classes.facts} num`}>
          <div>
            <dt>{t('adapters.preview.ranks')}</dt>
            <dd>{Math.min(...ranks) === Math.max(...ranks) ? Math.max(...ranks) : `${Math.min(...ranks)} – ${Math.max(...ranks)}`}</dd>
          </div>
          <div>
            <dt>{t('adapters.preview.distance')}</dt>
            <dd>{format.share(shares === undefined || shares.whole === 0 ? 0 : Math.sqrt(shares.apart / shares.whole))}</dd>
          </div>
        </dl>
      )}
      {energy.length > 1 && <EnergyCurve energy={energy} rank={Math.max(...ranks)} />}
    </Box>
  );
}

/** The model that a combination needs, where the adapters are not of the format that is asked for. */
export function baseNeeded({ chosen, base }: Adapters): string | null {
  const [first] = chosen;
  const isMixed = chosen.some(({ adapter }) => adapter.kind !== first?.adapter.kind);
  return isMixed ? (base?.model.id ?? null) : null;
}

/** Of all weights together: each curve says what share of its weight's change the first values hold. */
function meanCurve(curves: readonly (readonly number[])[]): number[] {
  const length = Math.max(0, ...curves.map((curve) => curve.length));
  return Array.from({ length }, (_, index) => {
    const sum = curves.reduce((total, curve) => total + (curve[index] ?? curve.at(-1) ?? 0), 0);
    return sum / curves.length;
  });
}

const WIDTH = 280;
const HEIGHT = 76;

/** How much of the sum a rank keeps, on average over the weights. */
function EnergyCurve({ energy, rank }: { readonly energy: readonly number[]; readonly rank: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const x = (index: number): number => (energy.length === 1 ? 0 : (index / (energy.length - 1)) * WIDTH);
  const y = (share: number): number => HEIGHT - share * (HEIGHT - 8);
  const line = energy.map((share, index) => `${x(index).toFixed(1)},${y(share).toFixed(1)}`).join(' ');
  const kept = energy[Math.min(rank, energy.length) - 1] ?? 1;
  return (
    <figure className={classes.energy}>
      <figcaption>{t('adapters.preview.energy', { rank, share: format.share(kept) })}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden preserveAspectRatio="none">
        <polyline className={classes.energyLine} points={`0,${HEIGHT} ${line}`} />
        <line className={classes.energyRank} x1={x(rank - 1)} x2={x(rank - 1)} y1={0} y2={HEIGHT} />
      </svg>
      <p className={`${classes.energyAxis} num`} aria-hidden>
        <span>1</span>
        <span>{t('adapters.rank', { rank: energy.length })}</span>
      </p>
    </figure>
  );
}

interface BoxProps {
  readonly title: string;
  readonly note: string;
  readonly map: ChangeMap | undefined;
  readonly busy: boolean;
  readonly children?: React.ReactNode;
}

function Box({ title, note, map, busy, children }: BoxProps) {
  const { t } = useTranslation();
  const [asTable, setAsTable] = useState(false);
  return (
    <section className={classes.preview} aria-labelledby="adapters-preview" aria-busy={busy}>
      <div className={classes.sectionHead}>
        <h2 className={classes.sectionTitle} id="adapters-preview">
          {title}
        </h2>
        {map !== undefined && (
          <Button variant="subtle" color="gray" size="xs" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            {t(asTable ? 'convert.plan.asMap' : 'convert.plan.asTable')}
          </Button>
        )}
      </div>
      <p className={classes.note}>{note}</p>
      {children}
      {map === undefined && busy && <Progress label={title} fraction={null} />}
      {map !== undefined && (asTable ? <ChangeTable map={map} /> : <ChangeMapView map={map} />)}
    </section>
  );
}

function Hint({ text, children }: { readonly text: string; readonly children?: React.ReactNode }) {
  return (
    <div className={classes.hint}>
      <IconArrowsDiff size={20} stroke={1.5} aria-hidden />
      <p>{text}</p>
      {children}
    </div>
  );
}
