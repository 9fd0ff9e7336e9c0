import { useDebouncedValue } from '@mantine/hooks';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo } from 'react';
import { parseSweep, type Sweep } from '#core/benchmark/sweep.ts';
import type { Input } from '../../api.ts';
import { useModels } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { useRemoteEngines } from '../../remote.ts';
import { basesOf, referenceOf, relativesOf, runnableOf } from './family.ts';
import { modelsOf } from './search.ts';
import { sweptNames, useDraft, type Draft, type Swept } from './store.ts';

type Request = Input<'benchmark.start'>;

/** A setting that is being typed asks for nothing. */
const STILL_MS = 300;

/** As many variants are chosen by themselves; of more the user says which. */
const MOST_CHOSEN = 12;

export const promptsOf = ({ promptText }: Pick<Draft, 'promptText'>): string[] =>
  promptText
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

/** What is swept, and the fields that cannot be read. */
export function sweepOf(texts: Draft['sweep']): { readonly sweep: Sweep; readonly bad: readonly Swept[] } {
  let sweep: Sweep = {};
  const bad: Swept[] = [];
  for (const name of sweptNames) {
    const text = texts[name]?.trim() ?? '';
    if (text === '') continue;
    try {
      sweep = { ...sweep, ...parseSweep([`${name}=${text}`]) };
    } catch {
      bad.push(name);
    }
  }
  return { sweep, bad };
}

/** What a run cannot begin without. */
type Missing = 'base' | 'variants' | 'measures' | 'questions' | 'prompts' | 'sweep';

/** Everything that the setup of a run shows, worked out once. */
export function useSetup() {
  const search = useSearch({ from: '/benchmark' });
  const navigate = useNavigate({ from: '/benchmark' });
  const draft = useDraft();
  const models = useModels();
  const engines = useRemoteEngines();
  const bases = useMemo(() => basesOf(models), [models]);
  const asked = modelsOf(search);
  const base = bases.find(({ id }) => id === search.base) ?? bases.find(({ id }) => asked?.includes(id));
  const relatives = base === undefined ? [] : relativesOf(models, base);
  const runnable = runnableOf(relatives);
  const chosen = runnable.filter(({ id }, place) => asked?.includes(id) ?? place < MOST_CHOSEN);
  const withAdapters = draft.withAdapters.filter(
    ({ modelId, adapterId }) => runnable.some(({ id }) => id === modelId) && models.some(({ id }) => id === adapterId),
  );
  const remotes = draft.remotes.filter(({ engineId }) => engines.some(({ id }) => id === engineId));
  const reference =
    draft.referenceId === null
      ? undefined
      : (relatives.find(({ id }) => id === draft.referenceId) ?? (base === undefined ? undefined : referenceOf(relatives, base)));
  const { sweep, bad } = useMemo(() => sweepOf(draft.sweep), [draft.sweep]);
  const prompts = promptsOf(draft);
  const request: Request = {
    name: draft.name.trim(),
    targets: [
      ...chosen.map(({ id }) => ({ kind: 'local' as const, modelId: id })),
      ...withAdapters.map(({ modelId, adapterId, scale }) => ({ kind: 'local' as const, modelId, adapters: [{ adapterId, scale }] })),
      ...remotes.map(({ engineId, model }) => ({ kind: 'remote' as const, engineId, model })),
    ],
    preset: draft.preset,
    sweep: sweep as NonNullable<Request['sweep']>,
    speed: draft.speed,
    quality: draft.quality
      ? {
          baseId: reference?.id ?? null,
          textPath: draft.textPath.trim() === '' ? null : draft.textPath.trim(),
          contextLength: draft.contextLength,
          windows: draft.windows === '' ? null : draft.windows,
        }
      : null,
    questionsPath: draft.questions ? draft.questionsPath.trim() : null,
    prompts: draft.prompts ? { texts: prompts, maxTokens: draft.maxTokens } : null,
  };
  const missing: Missing | null =
    base === undefined && remotes.length === 0
      ? 'base'
      : request.targets.length === 0
        ? 'variants'
        : !(draft.speed || draft.quality || draft.questions || draft.prompts)
          ? 'measures'
          : draft.questions && draft.questionsPath.trim() === ''
            ? 'questions'
            : draft.prompts && prompts.length === 0
              ? 'prompts'
              : draft.speed && bad.length > 0
                ? 'sweep'
                : null;
  const [still] = useDebouncedValue(JSON.stringify(request), STILL_MS);
  const plan = useCall('benchmark.plan', JSON.parse(still) as Request, {
    enabled: missing === null && (JSON.parse(still) as Request).targets.length > 0,
    keepPrevious: true,
  });
  const go = (baseId: string | undefined, ids: readonly string[] | undefined): void =>
    void navigate({
      search: { ...(baseId === undefined ? {} : { base: baseId }), ...(ids === undefined ? {} : { models: ids.join(',') }) },
      replace: true,
    });
  return {
    draft,
    models,
    bases,
    base,
    relatives,
    runnable,
    chosen,
    withAdapters,
    engines,
    remotes,
    reference,
    bad,
    request,
    missing,
    plan,
    chooseBase: (id: string): void => go(id, undefined),
    choose: (ids: readonly string[]): void => go(base?.id, ids),
  };
}

export type Setup = ReturnType<typeof useSetup>;
