import { IconInfoCircle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { AppErrorData } from '#core/errors/index.ts';
import { useErrorText } from '../i18n/use-error-text.ts';
import classes from './jobs.module.css';

/** No failures: what the user should know of a result. */
export function Warnings({ warnings }: { readonly warnings: readonly AppErrorData[] }) {
  const { t } = useTranslation();
  const text = useErrorText();
  if (warnings.length === 0) return null;
  return (
    <ul className={classes.warnings}>
      {warnings.map((warning) => {
        const { what, safe, next } = text(warning);
        return (
          <li key={JSON.stringify(warning)} className={classes.warning}>
            <IconInfoCircle size={14} aria-hidden />
            <p>{[what, safe, next].join(t('common.betweenSentences'))}</p>
          </li>
        );
      })}
    </ul>
  );
}
