import { useTranslation } from 'react-i18next';
import { CopyButton } from '../../../components/copy-button.tsx';
import classes from './details.module.css';

/** The Jinja template that turns a conversation into the model's own text. */
export function Template({ text }: { readonly text: string }) {
  const { t } = useTranslation();
  return (
    <div className={classes.tablePanel}>
      <div className={classes.tableHead}>
        <p className={classes.templateHint}>{t('library.template.hint')}</p>
        <CopyButton text={text} label={t('library.template.copy')} />
      </div>
      {/* Scrolls: reachable by keyboard. */}
      <pre className={classes.template} tabIndex={0} aria-label={t('library.details.template')}>
        {text}
      </pre>
    </div>
  );
}
