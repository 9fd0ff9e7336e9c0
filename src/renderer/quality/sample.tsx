import { useTranslation } from 'react-i18next';
import { divide, type Divided } from './divergence.ts';
import classes from './quality.module.css';

interface SampleProps {
  readonly prompt: string;
  readonly source: string;
  readonly variant: string;
  readonly sourceName: string;
  readonly variantName: string;
}

/** How both go on from the same words. */
export function Sample({ prompt, source, variant, sourceName, variantName }: SampleProps) {
  const { t } = useTranslation();
  const divided = divide(source, variant);
  const isSame = source === variant;
  return (
    <li className={classes.sample}>
      <p className={classes.prompt}>{prompt}</p>
      {isSame ? (
        <p>
          <span className={classes.who}>{t('quality.both')}</span>
          {source}
        </p>
      ) : (
        <>
          <p>
            <span className={classes.who}>{sourceName}</span>
            <Parted text={divided.source} />
          </p>
          <p>
            <span className={classes.who}>{variantName}</span>
            <Parted text={divided.variant} />
          </p>
        </>
      )}
    </li>
  );
}

function Parted({ text: { same, rest } }: { readonly text: Divided }) {
  return (
    <>
      {same}
      {rest !== '' && <mark className={classes.differs}>{rest}</mark>}
    </>
  );
}
