import { useNavigate, useSearch } from '@tanstack/react-router';
import { useDebouncedValue } from '@mantine/hooks';
import { useMemo } from 'react';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import { runMemory } from '#core/training/run-memory.ts';
import { defaultSettings, readSettings } from '#core/training/settings.ts';
import { templates } from '#core/training/templates.ts';
import { canQuantize, isAdapter, useModels } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { useAdapterFits } from '../chat/mixer-fits.ts';
import { useDraft } from './store.ts';

/** A setting that is being typed asks for nothing. */
const STILL_MS = 400;

/** Samples that can be looked at before a run. */
const SHOWN = 20;

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
  const adapterIds = useMemo(() => models.filter(isAdapter).map(({ id }) => id), [models]);
  const adapters = useAdapterFits(adapterIds, base?.id ?? null).flatMap(({ adapter, problem }) =>
    adapter !== undefined && problem === null ? [adapter] : [],
  );
  const defaults = useMemo(() => ({ ...defaultSettings, ...templates[draft.template] }), [draft.template]);
  const { settings, problems } = useMemo(() => readSettings(draft.given, defaults), [draft.given, defaults]);
  const [asked] = useDebouncedValue(
    {
      baseId: base?.id ?? '',
      dataPath: draft.dataPath.trim(),
      columns: draft.columns,
      template: draft.template,
      settings: draft.given,
      shown: SHOWN,
    },
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
  // What a run of this base has measured tells how long the next one takes.
  const runs = useCall('training.runs', {});
  const measured = runs.data?.find(({ config, last }) => config.baseId === base?.id && last?.tokens_per_second != null);
  const speed = measured?.last?.tokens_per_second ?? null;
  const { data: known } = report;
  const seconds =
    speed === null || known === undefined || known.stepsPerEpoch === 0
      ? null
      : (known.tokens * known.trainSamples * known.totalSteps) / Math.max(1, known.samples) / known.stepsPerEpoch / speed;
  const { data: found } = useCall('training.devices', {});
  const cards = found?.devices ?? [];
  // Unless another is chosen, the card with the most memory trains.
  const [largest] = cards.toSorted((a, b) => b.memoryBytes - a.memoryBytes);
  const card = draft.device === null ? largest : cards.find(({ name }) => name === draft.device);
  const device = card?.name ?? 'CPU';
  const memory = useMemo(() => {
    if (base === undefined) return undefined;
    const longest = settings.packing ? settings.max_length : Math.min(settings.max_length, report.data?.longest ?? settings.max_length);
    return runMemory(shapeFromFacts(base.facts as ModelFacts, base.sizeBytes), settings, longest, device);
  }, [base, settings, report.data?.longest, device]);
  return {
    draft,
    cards,
    /** `CPU`, or the name of a card that is there. */
    device,
    cardBytes: card?.memoryBytes ?? null,
    /** By the speed of an earlier run of the same base; null: there was none. */
    expectedMs: seconds === null ? null : seconds * 1000,
    bases,
    base,
    /** Those that fit the base. */
    adapters,
    adapterId: adapters.find(({ id }) => id === draft.adapterId)?.id ?? null,
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
