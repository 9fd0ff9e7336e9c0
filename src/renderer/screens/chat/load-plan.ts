import { useMemo } from 'react';
import { defaultLoad, planLoad, type LoadPlan, type LoadSettings } from '#core/memory/load.ts';
import type { Room } from '#core/memory/fit.ts';
import { shapeFromFacts } from '#core/memory/shape-facts.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import type { Model } from '#contract/library.ts';
import type { LiveCard } from '#contract/memory.ts';
import { useLive } from '../../live.ts';
import { keyOf, queryClient, useAction, useCall, useStream } from '../../queries.ts';

export interface Loading {
  readonly settings: LoadSettings;
  readonly isChanged: boolean;
  readonly cards: readonly LiveCard[];
  readonly room: Room;
  /** What a load would take now; undefined until the system has told what is free. */
  readonly plan: LoadPlan | undefined;
  change(settings: Partial<LoadSettings>): Promise<void>;
  reset(): Promise<void>;
}

/** How a model would be loaded, and whether it fits: by the function that decides before a load. */
export function useLoading(model: Model): Loading {
  const saved = useCall('chat.loadSettings', { modelId: model.id });
  const shape = useCall('memory.shape', { modelId: model.id });
  const cards = useStream('memory.cards', {})?.cards;
  const { memory, status } = useLive();
  const save = useAction('chat.setLoadSettings');
  const settings = saved.data ?? defaultLoad;
  const heldBytes = status.state === 'ready' ? status.heldBytes : undefined;
  const room = useMemo((): Room => {
    const [held = 0, ...onCards] = heldBytes ?? [];
    const cardBytes = (cards ?? []).map(({ freeBytes }, index) => freeBytes + (onCards[index] ?? 0));
    return { processorBytes: (memory?.availableBytes ?? 0) + held, cardBytes };
  }, [memory?.availableBytes, cards, heldBytes]);
  const known = shape.data;
  const plan = useMemo(() => {
    if (memory === null || known === undefined) return undefined;
    return planLoad(known.shape ?? shapeFromFacts(model.facts as ModelFacts, model.sizeBytes), settings, room);
  }, [memory, known, model, settings, room]);
  const put = async (next: LoadSettings | null): Promise<void> => {
    const answer = await save.mutateAsync({ modelId: model.id, settings: next });
    queryClient.setQueryData(keyOf('chat.loadSettings', { modelId: model.id }), answer);
  };
  return {
    settings,
    isChanged: (Object.keys(defaultLoad) as (keyof LoadSettings)[]).some((name) => settings[name] !== defaultLoad[name]),
    cards: cards ?? [],
    room,
    plan,
    change: (change) => put({ ...settings, ...change }),
    reset: () => put(null),
  };
}
