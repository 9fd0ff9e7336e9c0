import { Button } from '@mantine/core';
import { IconInfoCircle, IconPlus, IconSparkles, IconTransform } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { ModelChoices } from '../../components/model-choices.tsx';
import { Progress } from '../../components/progress.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { startDemo } from '../../jobs/start.ts';
import { openDialog } from '../../layers.ts';
import { isFloat } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { FamilyTable } from './family.tsx';
import { ConvertFoot } from './foot.tsx';
import { Options } from './options.tsx';
import { PlanPreview } from './plan-preview.tsx';
import { RecipeTable } from './recipe-table.tsx';
import { SourceChip } from './source.tsx';
import { useConvert, type Convert } from './use-convert.ts';
import { ConvertWork } from './work.tsx';
import classes from './convert.module.css';

/** Make something smaller, or something else, of a model, and see beforehand what comes of it. */
export function ConvertScreen() {
  const { t } = useTranslation();
  const library = useCall('library.list', {});
  const convert = useConvert();
  return (
    <div className={classes.screen}>
      <header className={classes.header}>
        <ScreenTitle className={classes.title}>{t('convert.title')}</ScreenTitle>
        {convert.source !== undefined && <p className={classes.intro}>{t('convert.intro')}</p>}
      </header>
      {library.isError ? (
        <div className={classes.notice}>
          <ErrorPanel
            error={library.error}
            action={{ label: t('common.retry'), run: () => void library.refetch(), busy: library.isFetching }}
          />
        </div>
      ) : convert.source !== undefined ? (
        <Workbench key={convert.source.id} convert={convert} modelId={convert.source.id} />
      ) : (
        library.isSuccess && <NoSource convert={convert} />
      )}
    </div>
  );
}

/** Before a model is chosen, or where there is none. */
function NoSource({ convert }: { readonly convert: Convert }) {
  const { t } = useTranslation();
  if (convert.sources.length === 0) {
    return (
      <EmptyState icon={<IconTransform size={22} stroke={1.5} />} title={t('convert.empty.title')} text={t('convert.empty.text')}>
        <Button leftSection={<IconPlus size={15} />} onClick={() => openDialog({ kind: 'add' })}>
          {t('library.add.title')}
        </Button>
        <Button variant="default" leftSection={<IconSparkles size={15} />} onClick={startDemo}>
          {t('library.createDemo')}
        </Button>
      </EmptyState>
    );
  }
  return (
    <div className={classes.choose}>
      <h2 className={classes.chooseTitle}>{t('convert.chooseSource')}</h2>
      <p className={classes.chooseText}>{t('convert.empty.text')}</p>
      <div className={classes.chooseList}>
        <ModelChoices
          models={convert.sources}
          currentId={null}
          none={t('convert.noneFound')}
          noteOf={(model) => (isFloat(model) ? null : t('convert.already'))}
          onChoose={({ id }) => convert.chooseSource(id)}
        />
      </div>
    </div>
  );
}

function Workbench({ convert, modelId }: { readonly convert: Convert; readonly modelId: string }) {
  const { t } = useTranslation();
  const { recipes } = convert;
  return (
    <>
      <div className={classes.body}>
        <div className={classes.main}>
          <SourceChip convert={convert} />
          {!convert.isOriginal && (
            <p className={classes.caution}>
              <IconInfoCircle size={15} stroke={1.8} aria-hidden />
              {t('convert.caution')}
            </p>
          )}
          <ConvertWork modelId={modelId} />
          {recipes.isError && (
            <ErrorPanel
              error={recipes.error}
              action={{ label: t('common.retry'), run: () => void recipes.refetch(), busy: recipes.isFetching }}
            />
          )}
          {recipes.isPending && (
            <div className={classes.reading}>
              <p>{t('convert.reading')}</p>
              <Progress label={t('convert.reading')} fraction={null} />
            </div>
          )}
          {convert.rows.length > 0 && <RecipeTable convert={convert} />}
          <FamilyTable convert={convert} modelId={modelId} />
        </div>
        {convert.rows.length > 0 && (
          <aside className={classes.side} aria-label={t('convert.side')}>
            <Options convert={convert} modelId={modelId} />
            <PlanPreview convert={convert} modelId={modelId} />
          </aside>
        )}
      </div>
      <ConvertFoot convert={convert} modelId={modelId} />
    </>
  );
}
