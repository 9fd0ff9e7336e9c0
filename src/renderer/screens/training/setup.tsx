import { Button } from '@mantine/core';
import { IconPlus, IconSchool, IconSparkles } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { EmptyState } from '../../components/empty-state.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { PathField } from '../../components/path-field.tsx';
import { Progress } from '../../components/progress.tsx';
import { startDemo } from '../../jobs/start.ts';
import { openDialog } from '../../layers.ts';
import { useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { ModelPick } from '../../components/model-pick.tsx';
import { AdapterChoice } from './adapter-choice.tsx';
import { DataColumnsFields } from './data-columns.tsx';
import { DataReportView } from './data-report.tsx';
import { DeviceChoice } from './device-choice.tsx';
import { SettingFields } from './setting-fields.tsx';
import { SetupFoot } from './setup-foot.tsx';
import { SetupSide } from './setup-side.tsx';
import { give, set } from './store.ts';
import { TemplateChoice } from './template-choice.tsx';
import { useSetup } from './use-setup.ts';
import classes from './training.module.css';

/** What is to be learned by whom, from what, and how. */
export function SetupView() {
  const { t } = useTranslation();
  const setup = useSetup();
  const { bases, base, draft, report } = setup;
  const demoData = useAction('training.demoData');
  const asksColumns = Object.keys(draft.columns).length > 0 || report.data?.problems.some(({ kind }) => kind === 'unknownShape') === true;
  if (bases.length === 0)
    return (
      <EmptyState icon={<IconSchool size={22} stroke={1.5} />} title={t('training.empty.title')} text={t('training.empty.text')}>
        <Button leftSection={<IconSparkles size={15} />} onClick={startDemo}>
          {t('library.createDemo')}
        </Button>
        <Button variant="default" leftSection={<IconPlus size={15} />} onClick={() => openDialog({ kind: 'add' })}>
          {t('library.add.title')}
        </Button>
      </EmptyState>
    );
  return (
    <div className={classes.work}>
      <div className={classes.body}>
        <div className={classes.main}>
          <Step number={1} title={t('training.steps.base')}>
            <ModelPick label={t('training.base')} model={base} models={bases} onChoose={setup.chooseBase} />
            {base !== undefined && <AdapterChoice setup={setup} />}
            {setup.preview.isError && <ErrorPanel error={setup.preview.error} />}
          </Step>
          <Step number={2} title={t('training.steps.data')}>
            <PathField
              label={t('training.data.label')}
              description={t('training.data.note')}
              value={draft.dataPath}
              onChange={(dataPath) => set({ dataPath, columns: {} })}
            />
            {draft.dataPath === '' && (
              <Button
                className={classes.demoData ?? ''}
                variant="default"
                leftSection={<IconSparkles size={15} />}
                loading={demoData.isPending}
                onClick={() =>
                  demoData.mutate(
                    {},
                    { onSuccess: ({ path }) => set({ dataPath: path, columns: {}, template: 'style', given: {} }), onError: errorToast },
                  )
                }
              >
                {t('training.data.demo')}
              </Button>
            )}
            {asksColumns && <DataColumnsFields />}
            {report.isError && (
              <ErrorPanel
                error={report.error}
                {...(report.error.code === 'train.noTemplate'
                  ? { action: { label: t('training.useChatml'), run: () => give('chat_template', 'chatml') } }
                  : {})}
              />
            )}
            {report.isFetching && report.data === undefined && <Progress label={t('training.data.reading')} fraction={null} />}
            {report.data !== undefined && !report.isError && <DataReportView report={report.data} busy={report.isFetching} />}
          </Step>
          <Step number={3} title={t('training.steps.method')}>
            <DeviceChoice setup={setup} />
            <TemplateChoice />
            <SettingFields setup={setup} />
          </Step>
        </div>
        <SetupSide setup={setup} />
      </div>
      <SetupFoot setup={setup} />
    </div>
  );
}

function Step({ number, title, children }: { readonly number: number; readonly title: string; readonly children: React.ReactNode }) {
  const id = `training-step-${number}`;
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
