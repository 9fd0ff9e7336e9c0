import { useNavigate, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Model } from '#contract/library.ts';
import type { QuantizeOptions, Recipe } from '#contract/quantize.ts';
import { recommendTarget } from '#core/quantize/recommend.ts';
import { useLive } from '../../live.ts';
import { canQuantize, isFloat, useModels } from '../../models.ts';
import { useCall } from '../../queries.ts';
import { mostBytes, needBytes } from '../../fit.ts';
import { recipeGroup } from './recipe-groups.ts';
import { targetsOf } from './search.ts';
import { optionsFor, useConvertSettings } from './store.ts';
import { riseOf, useFamily, type Relative } from './use-family.ts';

/** A recipe with what this machine and this library know of it. */
export interface Row extends Recipe {
  readonly needBytes: number | null;
  readonly relative: Relative | undefined;
}

/** A target in the format that was asked for, where it has several; where that one is impossible, in the other. */
function inFormat(
  variants: readonly Recipe[],
  formats: { readonly gptq: 'hf' | 'gguf'; readonly float: 'hf' | 'gguf' },
): Recipe | undefined {
  const [first] = variants;
  if (first === undefined) return undefined;
  const group = recipeGroup(first.target);
  const wanted = group === 'gptq' || group === 'float' ? formats[group] : first.format;
  const asked = variants.find(({ format }) => format === wanted) ?? first;
  return asked.problem === null ? asked : (variants.find(({ problem }) => problem === null) ?? asked);
}

/** Everything that the screen shows of one source, worked out once. */
export function useConvert() {
  const search = useSearch({ from: '/convert' });
  const navigate = useNavigate({ from: '/convert' });
  const models = useModels();
  const sources = useMemo(() => models.filter(canQuantize).toSorted(byLikelihood), [models]);
  const source = sources.find(({ id }) => id === search.model);
  const modelId = source?.id ?? '';
  const settings = useConvertSettings();
  const options = useMemo<QuantizeOptions>(() => optionsFor(settings, modelId), [settings, modelId]);
  const recipes = useCall('quantize.recipes', { modelId, options }, { enabled: source !== undefined, keepPrevious: true });
  const family = useFamily(modelId);
  const totalBytes = useLive((state) => state.memory?.totalBytes ?? null);

  const { gptqFormat: gptq, floatFormat: float } = settings;
  const rows = useMemo(() => {
    if (source === undefined) return [];
    const byTarget = Map.groupBy(recipes.data ?? [], ({ target }) => target);
    return [...byTarget.values()].flatMap((variants): Row[] => {
      const recipe = inFormat(variants, { gptq, float });
      if (recipe === undefined) return [];
      return [
        {
          ...recipe,
          needBytes: recipe.sizeBytes === null ? null : needBytes(source.facts, recipe.sizeBytes),
          relative: family.relatives.find(({ target }) => target === recipe.target),
        },
      ];
    });
  }, [recipes.data, source, family.relatives, gptq, float]);
  const isOriginal = source !== undefined && isFloat(source);
  // Of what was quantized once, another quantized copy is nothing to recommend.
  const recommended = useMemo(
    () =>
      !isOriginal
        ? null
        : recommendTarget(
            rows.map(({ target, needBytes: need, relative }) => ({
              target,
              needBytes: need,
              perplexityRise: relative === undefined ? undefined : riseOf(relative.card),
            })),
            { parameterCount: source?.facts.parameterCount, memoryBytes: totalBytes === null ? null : mostBytes(totalBytes) },
          ),
    [rows, source, isOriginal, totalBytes],
  );
  const chosen = targetsOf(search).flatMap((target) => rows.find((row) => row.target === target && row.problem === null) ?? []);
  const [pointed, point] = useState<string | null>(null);
  const focused =
    rows.find(({ target, problem }) => target === pointed && problem === null) ??
    chosen.at(-1) ??
    rows.find(({ target }) => target === recommended?.target) ??
    rows.find(({ problem }) => problem === null);

  const go = (model: string | undefined, targets: readonly string[]): void =>
    void navigate({
      search: { ...(model === undefined ? {} : { model }), ...(targets.length === 0 ? {} : { to: targets.join(',') }) },
      replace: true,
    });
  return {
    sources,
    source,
    options,
    recipes,
    rows,
    family,
    recommended,
    isOriginal,
    chosen,
    focused,
    point,
    chooseSource: (id: string): void => go(id, targetsOf(search)),
    toggle: (target: string): void => {
      const before = chosen.map((row) => row.target);
      point(target);
      go(modelId, before.includes(target) ? before.filter((one) => one !== target) : [...before, target]);
    },
    choose: (targets: readonly string[]): void => go(modelId, targets),
  };
}

export type Convert = ReturnType<typeof useConvert>;

/** Originals before what was quantized already, then what was used or added last. */
function byLikelihood(left: Model, right: Model): number {
  return (
    Number(isFloat(right)) - Number(isFloat(left)) ||
    Math.max(right.addedMs, right.lastUsedMs ?? 0) - Math.max(left.addedMs, left.lastUsedMs ?? 0)
  );
}
