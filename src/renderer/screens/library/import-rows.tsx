import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { Progress } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import { dismissImport, startImport, type Import } from './imports.ts';
import classes from './library.module.css';

/** What is being added, above the list, and what could not be. */
export function ImportRows({ imports }: { readonly imports: readonly Import[] }) {
  if (imports.length === 0) return null;
  return (
    <ul className={classes.imports}>
      {imports.map((item) => (
        <ImportRow key={item.key} item={item} />
      ))}
    </ul>
  );
}

function ImportRow({ item }: { readonly item: Import }) {
  const { t } = useTranslation();
  const format = useFormat();
  const title = t(item.copied === null ? 'library.add.looking' : 'library.add.copying', { path: item.at });
  const fraction = item.copied === null || item.copied.totalBytes === 0 ? null : item.copied.doneBytes / item.copied.totalBytes;
  return (
    <li className={classes.import}>
      {item.running && (
        <div className={classes.importRunning}>
          <div className={classes.importText}>
            <div className={classes.importTitle}>{title}</div>
            <Progress label={title} fraction={fraction} />
            <div className={`${classes.about} num`}>
              {[
                item.copied === null
                  ? null
                  : t('jobs.ofBytes', { amount: format.bytes(item.copied.doneBytes), total: format.bytes(item.copied.totalBytes) }),
                item.added > 0 ? t('library.add.found', { count: item.added }) : null,
              ]
                .filter((part) => part !== null)
                .join(' · ')}
            </div>
          </div>
          <Button variant="default" onClick={item.stop}>
            {t('common.stop')}
          </Button>
        </div>
      )}
      {item.problems.map(({ path, error }) => (
        <ErrorPanel
          key={`${path}:${error.code}`}
          error={error}
          action={{
            label: t('common.retry'),
            run: () => {
              dismissImport(item.key);
              void startImport(path, item.mode);
            },
          }}
          onDismiss={() => dismissImport(item.key)}
        />
      ))}
    </li>
  );
}
