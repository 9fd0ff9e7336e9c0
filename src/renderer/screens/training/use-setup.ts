import { useNavigate, useSearch } from '@tanstack/react-router';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo } from 'react';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import { estimateTraining } from '#core/memory/training.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import { defaultSettings, readSettings } from '#core/training/settings.ts';
import { templates } from '#core/training/templates.ts';
import { canQuantize, useModels } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { useDraft } from './store.ts';

/** A setting that is being typed asks for nothing. */
const STILL_MS = 400;

/** Everything that the setup of a run shows, worked out once. */
export function useSetup() {
  const search = useSearch({ from: '/training' });
  const navigate = useNavigate({ from: '/training' });
  const draft = useDraft();
  const models = useModels();
  const bases = useMemo(
    () =>
      models
        .filter(canQuantize)
        .toSorted((left, right) => Math.max(right.addedMs, right.lastUsedMs ?? 0) - Math.max(left.addedMs, left.lastUsedMs ?? 0)),
    [models],
  );
  const base = bases.find(({ id }) => id === search.model);
  const defaults = useMemo(() => ({ ...defaultSettings, ...templates[draft.template] }), [draft.template]);
  const { settings, problems } = useMemo(() => readSettings(draft.given, defaults), [draft.given, defaults]);
  const [asked] = useDebouncedValue(
    { baseId: base?.id ?? '', dataPath: draft.dataPath.trim(), template: draft.template, settings: draft.given },
    STILL_MS,
  );
  const isSound = problems.length === 0;
  const report = useCall('training.checkData', asked, {
    enabled: isSound && asked.baseId !== '' && asked.dataPath !== '' && !/[\\/]$/.test(asked.dataPath),
    keepPrevious: true,
  });
  const preview = useCall(
    'training.preview',
    { baseId: asked.baseId, template: asked.template, settings: asked.settings },
    { enabled: isSound && asked.baseId !== '', keepPrevious: true },
  );
  const memory = useMemo(() => {
    if (base === undefined) return undefined;
    const isQuantized = !/^(F32|F16|BF16)$/.test(base.facts.quantization ?? '');
    return estimateTraining(shapeFromFacts(base.facts as ModelFacts), {
      method: isQuantized ? 'qlora' : 'lora',
      trainer: 'lathe',
      length: Math.min(settings.max_length, report.data?.longest ?? settings.max_length),
      batch: 1,
      rank: settings.r,
      checkpointing: settings.gradient_checkpointing,
    });
  }, [base, settings, report.data?.longest]);
  return {
    draft,
    bases,
    base,
    settings,
    defaults,
    problems,
    report,
    preview,
    memory,
    chooseBase: (id: string): void => void navigate({ search: { model: id }, replace: true }),
    openRun: (id: string): void => void navigate({ search: { run: id } }),
  };
}

export type Setup = ReturnType<typeof useSetup>;
