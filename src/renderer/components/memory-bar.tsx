import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';
import classes from './memory-bar.module.css';

/** What can lie in memory, always in this order, always with these colours and patterns. */
export type MemoryPart = 'lathe' | 'others';

interface Props {
  readonly parts: Readonly<Record<MemoryPart, number>>;
  readonly totalBytes: number;
  /** With the names and sizes below it. */
  readonly legend?: boolean;
}

const ORDER: readonly MemoryPart[] = ['lathe', 'others'];

/** Memory as one bar. It reads without colour: each part has its pattern and, in the legend, its words. */
export function MemoryBar({ parts, totalBytes, legend = false }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const share = (sizeBytes: number): string => `${Math.min(100, (sizeBytes / Math.max(1, totalBytes)) * 100)}%`;
  const freeBytes = Math.max(0, totalBytes - ORDER.reduce((sum, part) => sum + parts[part], 0));
  const rows = [...ORDER.map((part) => ({ part, sizeBytes: parts[part] })), { part: 'free' as const, sizeBytes: freeBytes }];
  return (
    <>
      <div className={classes.bar} aria-hidden>
        {ORDER.map((part) => (
          <div key={part} className={classes.part} data-part={part} style={{ width: share(parts[part]) }} />
        ))}
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
