import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import type { Output } from '../../../api.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { useFormat } from '../../../format.ts';
import classes from './details.module.css';

/** Where the model lies, its files, and their checksums. */
export function Files({ model, files }: { readonly model: Model; readonly files: Output<'library.get'>['files'] | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <section aria-labelledby="files">
      <h3 className={classes.sectionTitle} id="files">
        {t('library.details.files')}
        <span className={classes.sectionNote}>{t(`library.hash.${model.hash.status}`)}</span>
      </h3>
      <div className={classes.path}>
        <code>{model.path}</code>
        <CopyButton text={model.path} label={t('library.actions.copyPath')} size={22} />
      </div>
      <p className={classes.origin}>{t(`library.origin.${model.origin}`)}</p>
      <ul className={classes.files}>
        {files?.map(({ name, sizeBytes, sha256 }) => (
          <li key={name} className={classes.file}>
            <span className={classes.fileName}>{name}</span>
            <span className="num">{format.bytes(sizeBytes)}</span>
            {sha256 !== null && (
              <span className={classes.hash}>
                <code title={sha256}>{sha256.slice(0, 12)}…</code>
                <CopyButton text={sha256} label={t('library.copyHash', { name })} size={20} />
              </span>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
