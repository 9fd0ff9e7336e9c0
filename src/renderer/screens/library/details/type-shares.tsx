import { useTranslation } from 'react-i18next';
import { useFormat } from '../../../format.ts';
import classes from './details.module.css';

/** Which number formats fill the file, the largest share first. */
export function TypeShares({ bytesByType }: { readonly bytesByType: Readonly<Record<string, number>> | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const shares = Object.entries(bytesByType ?? {})
    .filter(([, sizeBytes]) => sizeBytes > 0)
    .sort(([, left], [, right]) => right - left);
  const totalBytes = shares.reduce((sum, [, sizeBytes]) => sum + sizeBytes, 0);
  if (shares.length === 0) return null;
  return (
    <ul className={classes.shares} aria-label={t('library.details.types')}>
      {shares.map(([type, sizeBytes]) => (
        <li key={type} className={classes.share}>
          <span className={classes.shareName}>{type}</span>
          <span className={classes.shareTrack} aria-hidden>
            <span className={classes.shareBar} style={{ width: `${Math.max(1, (sizeBytes / totalBytes) * 100)}%` }} />
          </span>
          <span className={`${classes.shareSize} num`}>{format.bytes(sizeBytes)}</span>
        </li>
      ))}
    </ul>
  );
}
