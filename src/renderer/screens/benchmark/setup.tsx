import { Button } from '@mantine/core';
import { IconGauge, IconPlus, IconSparkles, IconTransform } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { ModelPick } from '../../components/model-pick.tsx';
import { startDemo } from '../../jobs/start.ts';
import { openDialog } from '../../layers.ts';
import { goTo } from '../../navigation.ts';
import { useCall } from '../../queries.ts';
import { MeasureFields } from './measures.tsx';
import { Remotes } from './remotes.tsx';
import { SetupFoot } from './setup-foot.tsx';
import { SetupSide } from './setup-side.tsx';
import { SpeedFields } from './speed-fields.tsx';
import { useSetup } from './use-setup.ts';
import { Variants } from './variants.tsx';
import classes from './benchmark.module.css';

/** Which variants are measured, what of them, and how. */
export function SetupView({ onOpen }: { readonly onOpen: (runId: string) => void }) {
  const { t } = useTranslation();
  const library = useCall('library.list', {});
  const setup = useSetup();
  const { bases, base, runnable } = setup;
  if (library.isError)
    return (
      <div className={classes.notice}>
        <ErrorPanel
          error={library.error}
          action={{ label: t('common.retry'), run: () => void library.refetch(), busy: library.isFetching }}
        />
      </div>
    );
  if (!library.isSuccess) return <div className={classes.work} />;
  if (bases.length === 0 && setup.engines.length === 0)
    return (
      <div className={classes.work}>
        <EmptyState icon={<IconGauge size={22} stroke={1.5} />} title={t('benchmark.empty.title')} text={t('benchmark.empty.text')}>
          <Button leftSection={<IconSparkles size={15} />} onClick={startDemo}>
            {t('library.createDemo')}
          </Button>
          <Button variant="default" leftSection={<IconPlus size={15} />} onClick={() => openDialog({ kind: 'add' })}>
            {t('library.add.title')}
          </Button>
        </EmptyState>
      </div>
    );
  return (
    <div className={classes.work}>
      <div className={classes.body}>
        <div className={classes.main}>
          <Step number={1} title={t('benchmark.steps.variants')}>
            <ModelPick label={t('benchmark.base')} model={base} models={bases} onChoose={setup.chooseBase} />
            {base !== undefined && runnable.length === 0 && (
              <div className={classes.caution}>
                <p>{t('benchmark.variants.noGguf')}</p>
                <Button size="sm" variant="default" leftSection={<IconTransform size={15} />} onClick={() => goTo.convert(base.id)}>
                  {t('benchmark.variants.convert')}
                </Button>
              </div>
            )}
            {base !== undefined && runnable.length > 0 && <Variants setup={setup} base={base} />}
            <Remotes setup={setup} />
          </Step>
          <Step number={2} title={t('benchmark.steps.measures')}>
            <MeasureFields setup={setup} />
          </Step>
          {setup.draft.speed && (
            <Step number={3} title={t('benchmark.steps.how')}>
              <SpeedFields setup={setup} />
            </Step>
          )}
        </div>
        <SetupSide setup={setup} />
      </div>
      <SetupFoot setup={setup} onOpen={onOpen} />
    </div>
  );
}

function Step({ number, title, children }: { readonly number: number; readonly title: string; readonly children: ReactNode }) {
  const id = `benchmark-step-${number}`;
  return (
    <section className={classes.step} aria-labelledby={id}>
      <h2 className={classes.stepTitle} id={id}>
        <span aria-hidden>{number}</span>
        {title}
      </h2>
      {children}
    </section>
  );
}
