import { Button, SegmentedControl } from '@mantine/core';
import { IconPlus, IconStack2 } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { ModelPick } from '../../components/model-pick.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { openDialog } from '../../layers.ts';
import { useCall } from '../../queries.ts';
import { AdapterList } from './adapter-list.tsx';
import { CombineOptions, FormatChoice } from './combine-options.tsx';
import { ExtractOptions } from './extract-options.tsx';
import { AdaptersFoot } from './foot.tsx';
import { MergeOptions } from './merge-options.tsx';
import { Preview } from './preview.tsx';
import { MODES } from './search.ts';
import { useAdapters, type Adapters } from './use-adapters.ts';
import { AdaptersWork } from './work.tsx';
import classes from './adapters.module.css';

/** Put adapters into models for good, make one of several, take one out of a fine-tune, change its format. */
export function AdaptersScreen() {
  const { t } = useTranslation();
  const library = useCall('library.list', {});
  const view = useAdapters();
  const isEmpty = library.isSuccess && view.adapters.length === 0 && view.mode !== 'extract';
  return (
    <div className={classes.screen}>
      <header className={classes.header}>
        <ScreenTitle className={classes.title}>{t('adapters.title')}</ScreenTitle>
        <SegmentedControl
          aria-label={t('adapters.modes.label')}
          value={view.mode}
          data={MODES.map((value) => ({ value, label: t(`adapters.modes.${value}`) }))}
          onChange={(mode) => view.setMode(mode)}
        />
        <p className={classes.intro}>{t(`adapters.intro.${view.mode}`)}</p>
      </header>
      {library.isError ? (
        <div className={classes.notice}>
          <ErrorPanel
            error={library.error}
            action={{ label: t('common.retry'), run: () => void library.refetch(), busy: library.isFetching }}
          />
        </div>
      ) : isEmpty ? (
        <EmptyState icon={<IconStack2 size={22} stroke={1.5} />} title={t('adapters.empty.title')} text={t('adapters.empty.text')}>
          <Button leftSection={<IconPlus size={15} />} onClick={() => openDialog({ kind: 'add' })}>
            {t('adapters.import')}
          </Button>
          <Button variant="default" onClick={() => view.setMode('extract')}>
            {t('adapters.empty.extract')}
          </Button>
        </EmptyState>
      ) : (
        library.isSuccess && <Workbench view={view} />
      )}
    </div>
  );
}

function Workbench({ view }: { readonly view: Adapters }) {
  const { t } = useTranslation();
  const errorText = useErrorText();
  const { mode, base, bases, tuned, candidates } = view;
  const problemOf = (model: Model): string | null => {
    const problem = bases.find((one) => one.model.id === model.id)?.problem;
    return problem == null ? null : errorText(problem).what;
  };
  const isOneBased = mode === 'merge' || mode === 'convert' || mode === 'combine';
  return (
    <>
      <div className={classes.body}>
        <div className={classes.main}>
          {view.fitsError !== null && <ErrorPanel error={view.fitsError} />}
          {isOneBased && <AdapterList view={view} />}
          <section className={classes.picks} aria-label={t('adapters.models')}>
            <ModelPick
              label={t(mode === 'combine' ? 'adapters.baseForCombine' : 'adapters.base')}
              model={base?.model}
              models={bases.map(({ model }) => model)}
              noteOf={problemOf}
              onChoose={view.chooseBase}
            />
            {mode === 'extract' && <ModelPick label={t('adapters.tuned')} model={tuned} models={candidates} onChoose={view.chooseTuned} />}
          </section>
          {base?.problem != null && <ErrorPanel error={base.problem} />}
          <AdaptersWork />
        </div>
        <aside className={classes.side} aria-label={t('adapters.side')}>
          {mode === 'merge' && <MergeOptions view={view} />}
          {mode === 'combine' && <CombineOptions />}
          {mode === 'extract' && <ExtractOptions />}
          {mode === 'convert' && (
            <section className={classes.options} aria-label={t('adapters.format.label')}>
              <FormatChoice />
            </section>
          )}
          {(mode === 'merge' || mode === 'combine') && <Preview view={view} />}
        </aside>
      </div>
      <AdaptersFoot view={view} />
    </>
  );
}
