import { Button, Menu } from '@mantine/core';
import { IconDots, IconDownload, IconPlayerPlay, IconPlayerStop, IconRefresh } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import type { RefObject } from 'react';
import { useTranslation } from 'react-i18next';
import type { BenchmarkRun } from '#contract/benchmark.ts';
import { copyText } from '../../clipboard.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { download } from '../../download.ts';
import { fileNameOf } from '../../output-names.ts';
import { apiInUse, asAppError, keyOf, queryClient, useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { chartAsPng } from './chart-png.ts';
import classes from './benchmark.module.css';

interface Props {
  readonly run: BenchmarkRun;
  /** What the picture is made of, where there is one. */
  readonly chart: RefObject<SVGSVGElement | null> | null;
  /** Below the picture. */
  readonly advice: string | null;
  readonly onGone: () => void;
}

/** What can be done with a run in its state. */
export function Controls({ run, chart, advice, onGone }: Props) {
  const { t } = useTranslation();
  const navigate = useNavigate({ from: '/benchmark' });
  const cancel = useAction('benchmark.cancel');
  const resume = useAction('benchmark.resume');
  const remove = useAction('benchmark.remove');
  const runId = { runId: run.id };
  const refresh = (): void => {
    void queryClient.invalidateQueries({ queryKey: keyOf('benchmark.runs', {}) });
    void queryClient.invalidateQueries({ queryKey: keyOf('benchmark.get', runId) });
  };
  const done = { onError: errorToast, onSettled: refresh };
  const isAtWork = run.state === 'running' || run.state === 'waiting';
  const canResume = !isAtWork && !run.isImported && (run.state !== 'done' || run.cells.failed > 0);

  const save = async (format: 'json' | 'markdown', how: 'file' | 'copy'): Promise<void> => {
    try {
      const { fileName, text } = await apiInUse().call('benchmark.export', { ...runId, format });
      if (how === 'file') download(fileName, text);
      else await copyText(text);
    } catch (error) {
      errorToast(asAppError(error));
    }
  };
  const savePicture = async (): Promise<void> => {
    if (chart?.current == null) return;
    const notes = [
      advice ?? '',
      run.environment?.name ?? '',
      Object.entries(run.environment?.versions ?? {})
        .map((each) => each.join(' '))
        .join(', '),
    ];
    try {
      download(
        `${fileNameOf(run.name)}.png`,
        await chartAsPng(
          chart.current,
          run.name,
          chart.current.closest('section')?.querySelector('[data-legend]') ?? null,
          notes.filter((note) => note !== ''),
        ),
      );
    } catch (error) {
      errorToast(asAppError(error));
    }
  };
  const repeat = (): void => {
    const ids = run.targets.flatMap(({ modelId, adapters }) => (modelId === null || adapters.length > 0 ? [] : [modelId]));
    void navigate({ search: { models: [...new Set(ids)].join(',') } });
  };

  return (
    <div className={classes.controls}>
      {isAtWork && (
        <Button
          variant="default"
          leftSection={<IconPlayerStop size={15} />}
          loading={cancel.isPending}
          onClick={() => cancel.mutate(runId, done)}
        >
          {t('benchmark.cancel')}
        </Button>
      )}
      {canResume && (
        <Button
          {...(run.state === 'done' ? { variant: 'default' } : {})}
          leftSection={run.state === 'done' ? <IconRefresh size={15} /> : <IconPlayerPlay size={15} />}
          loading={resume.isPending}
          onClick={() => resume.mutate(runId, done)}
        >
          {t(run.state === 'done' ? 'benchmark.again' : 'benchmark.resume')}
        </Button>
      )}
      <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconDownload size={15} />} disabled={run.cells.done === 0}>
            {t('benchmark.exports.label')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {chart !== null && <Menu.Item onClick={() => void savePicture()}>{t('benchmark.exports.png')}</Menu.Item>}
          <Menu.Item onClick={() => void save('json', 'file')}>{t('benchmark.exports.json')}</Menu.Item>
          <Menu.Item onClick={() => void save('markdown', 'file')}>{t('benchmark.exports.markdown')}</Menu.Item>
          <Menu.Item onClick={() => void save('markdown', 'copy')}>{t('benchmark.exports.copy')}</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
        <Menu.Target>
          <IconButton label={t('common.more')} variant="default" size={30}>
            <IconDots size={16} />
          </IconButton>
        </Menu.Target>
        <Menu.Dropdown>
          {!run.isImported && <Menu.Item onClick={repeat}>{t('benchmark.repeat')}</Menu.Item>}
          <Menu.Item
            data-danger
            disabled={isAtWork}
            onClick={() =>
              remove.mutate(runId, {
                onError: errorToast,
                onSuccess: () => {
                  refresh();
                  onGone();
                },
              })
            }
          >
            {t('benchmark.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
