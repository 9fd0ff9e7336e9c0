import { useTranslation } from 'react-i18next';
import type { AmountKind } from '#core/memory/inference.ts';
import type { TrainingKind } from '#core/memory/training.ts';
import { useFormat } from '../format.ts';
import classes from './memory-bar.module.css';

/** What can lie in memory, always in this order, always with these colours and patterns. */
export type MemoryPart = AmountKind | TrainingKind | 'lathe';

interface Props {
  readonly parts: Readonly<Partial<Record<MemoryPart, number>>>;
  readonly totalBytes: number;
  /** The lowest and highest that an estimate may come to. */
  readonly range?: { readonly lowBytes: number; readonly highBytes: number };
  /** With the names and sizes below it. */
  readonly legend?: boolean;
}

const ORDER: readonly MemoryPart[] = [
  'weights',
  'adapters',
  'master',
  'gradients',
  'optimizer',
  'cache',
  'state',
  'activations',
  'logits',
  'compute',
  'workspace',
  'outputs',
  'draft',
  'program',
  'reserve',
  'lathe',
  'others',
];

/** Memory as one bar. It reads without colour: each part has its pattern and, in the legend, its words. */
export function MemoryBar({ parts, totalBytes, range, legend = false }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const shown = ORDER.flatMap((part) => (parts[part] === undefined ? [] : [{ part, sizeBytes: parts[part] }]));
  const usedBytes = shown.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  // What is too much stands out beyond the mark of what there is.
  const scaleBytes = Math.max(1, totalBytes, usedBytes, range?.highBytes ?? 0);
  const share = (sizeBytes: number): string => `${Math.min(100, (sizeBytes / scaleBytes) * 100)}%`;
  const rows = [...shown, { part: 'free' as const, sizeBytes: Math.max(0, totalBytes - usedBytes) }];
  return (
    <>
      <div className={classes.frame} aria-hidden>
        <div className={classes.bar} data-tall={range !== undefined || undefined}>
          {shown.map(({ part, sizeBytes }) => (
            <div key={part} className={classes.part} data-part={part} style={{ width: share(sizeBytes) }} />
          ))}
        </div>
        {range !== undefined && range.highBytes > range.lowBytes && (
          <div
            className={classes.range}
            style={{ insetInlineStart: share(range.lowBytes), width: share(range.highBytes - range.lowBytes) }}
          />
        )}
        {scaleBytes > Math.max(1, totalBytes) && <div className={classes.limit} style={{ insetInlineStart: share(totalBytes) }} />}
      </div>
      {legend && (
        <dl className={classes.legend}>
          {rows.map(({ part, sizeBytes }) => (
            <div key={part} className={classes.row}>
              <dt>
                <span className={classes.swatch} data-part={part} aria-hidden />
                {t(`memory.${part}`)}
              </dt>
              <dd className="num">{format.bytes(sizeBytes)}</dd>
            </div>
          ))}
        </dl>
      )}
    </>
  );
}
