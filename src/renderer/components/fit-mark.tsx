import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';
import { useLive } from '../live.ts';
import { FIT_CONTEXT, fitOf } from '../fit.ts';
import classes from './fit-mark.module.css';

/** Whether it runs here, as a dot and a word; the figures on asking. */
export function FitMark({ bytes }: { readonly bytes: number | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const memory = useLive((state) => state.memory);
  if (bytes === null || memory === null) return null;
  const fit = fitOf(bytes, memory);
  const words = t('convert.fit.needs', {
    need: format.bytes(bytes),
    total: format.bytes(memory.totalBytes),
    tokens: format.number(FIT_CONTEXT),
  });
  return (
    <span className={classes.fit} data-fit={fit} title={words}>
      <span className={classes.dot} aria-hidden />
      {t(`convert.fit.${fit}`)}
    </span>
  );
}

/** The same as a sentence with its figures. */
export function FitVerdict({ bytes }: { readonly bytes: number | null }) {
  const { t } = useTranslation();
  const format = useFormat();
  const memory = useLive((state) => state.memory);
  if (bytes === null || memory === null) return null;
  const fit = fitOf(bytes, memory);
  return (
    <p className={classes.verdict} data-fit={fit}>
      <span className={classes.dot} aria-hidden />
      {t(`convert.verdict.${fit}`, {
        need: format.bytes(bytes),
        total: format.bytes(memory.totalBytes),
        tokens: format.number(FIT_CONTEXT),
      })}
    </p>
  );
}
