import { Tabs } from '@mantine/core';
import { IconArrowsDiagonal, IconArrowsDiagonalMinimize2, IconStar, IconStarFilled, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { ErrorPanel } from '../../../components/error-panel.tsx';
import { FamilyMark } from '../../../components/family-mark.tsx';
import { IconButton } from '../../../components/icon-button.tsx';
import { familyOf } from '../../../models.ts';
import { useAction, useCall } from '../../../queries.ts';
import { Actions } from './actions.tsx';
import { Metadata } from './metadata.tsx';
import { Overview } from './overview.tsx';
import { Problem } from './problem.tsx';
import { Proof } from './proof.tsx';
import { Quality, sourceOf } from './quality.tsx';
import { Template } from './template.tsx';
import { Tensors } from './tensors.tsx';
import classes from './details.module.css';

interface Props {
  readonly model: Model;
  readonly width: number;
  /** Over the list, for the long tables. */
  readonly wide: boolean;
  readonly onWide: () => void;
  readonly onClose: () => void;
}

type Tab = 'overview' | 'proof' | 'quality' | 'tensors' | 'metadata' | 'template';

/** Everything about one model. */
export function DetailsPane({ model, width, wide, onWide, onClose }: Props) {
  const { t } = useTranslation();
  const [tab, setTab] = useState<Tab>('overview');
  const details = useCall('library.get', { modelId: model.id });
  const update = useAction('library.update');
  const usable = model.state.status === 'ready';
  const family = familyOf(model);
  const { data: cards } = useCall('quantize.cards', { modelId: model.id });
  const sourceId = sourceOf(details.data);
  const { data: certificates = [] } = useCall('adapters.certificates', { modelId: model.id });
  // What was measured, and what can be: what Lathe made of another model.
  const hasQuality = sourceId !== null || (cards ?? []).some(({ modelId }) => modelId === model.id);
  const tabs: readonly Tab[] = [
    'overview',
    ...(certificates.length > 0 ? (['proof'] as const) : []),
    ...(hasQuality ? (['quality'] as const) : []),
    'tensors',
    'metadata',
    ...(details.data?.chatTemplate == null ? [] : (['template'] as const)),
  ];

  return (
    <section
      className={classes.pane}
      style={{ '--pane-width': `${width}px` } as Record<string, string>}
      aria-label={t('library.details.label', { name: model.name })}
    >
      <header className={classes.head}>
        <FamilyMark family={family} size={36} />
        <div className={classes.headText}>
          <h2 className={classes.name}>{model.name}</h2>
          <p className={classes.kind}>{[family, t(`library.kinds.${model.kind}`)].filter((part) => part !== undefined).join(' · ')}</p>
        </div>
        <IconButton
          label={t(model.favourite ? 'library.actions.unstar' : 'library.actions.star')}
          keys="s"
          aria-pressed={model.favourite}
          onClick={() => update.mutate({ modelId: model.id, favourite: !model.favourite })}
        >
          {model.favourite ? <IconStarFilled size={16} className={classes.starred} /> : <IconStar size={16} stroke={1.7} />}
        </IconButton>
        <IconButton label={t(wide ? 'library.details.narrow' : 'library.details.widen')} onClick={onWide} className={classes.widen ?? ''}>
          {wide ? <IconArrowsDiagonalMinimize2 size={16} stroke={1.7} /> : <IconArrowsDiagonal size={16} stroke={1.7} />}
        </IconButton>
        <IconButton label={t('common.close')} onClick={onClose}>
          <IconX size={16} stroke={1.7} />
        </IconButton>
      </header>
      <Actions model={model} />
      {!usable && <Problem model={model} />}
      {details.isError && (
        <div className={classes.notice}>
          <ErrorPanel error={details.error} action={{ label: t('common.retry'), run: () => void details.refetch() }} />
        </div>
      )}
      <Tabs value={tab} onChange={(value) => setTab(value as Tab)} keepMounted={false} className={classes.tabs ?? ''}>
        <Tabs.List aria-label={t('library.details.sections')} className={classes.tabList ?? ''}>
          {tabs.map((name) => (
            <Tabs.Tab key={name} value={name} className={classes.tab ?? ''}>
              {t(`library.details.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="overview" className={classes.panel ?? ''}>
          <Overview model={model} details={details.data} />
        </Tabs.Panel>
        <Tabs.Panel value="proof" className={classes.panel ?? ''}>
          <Proof certificates={certificates} />
        </Tabs.Panel>
        <Tabs.Panel value="quality" className={classes.panel ?? ''}>
          <Quality model={model} sourceId={sourceId} />
        </Tabs.Panel>
        <Tabs.Panel value="tensors" className={classes.panel ?? ''}>
          <Tensors model={model} />
        </Tabs.Panel>
        <Tabs.Panel value="metadata" className={classes.panel ?? ''}>
          <Metadata model={model} />
        </Tabs.Panel>
        <Tabs.Panel value="template" className={classes.panel ?? ''}>
          <Template text={details.data?.chatTemplate ?? ''} />
        </Tabs.Panel>
      </Tabs>
    </section>
  );
}
