import { NativeSelect, SegmentedControl, Switch } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { cacheTypes } from '#core/memory/cache-types.ts';
import { precisionBytes, type Precision } from '#core/memory/rules.ts';
import type { Model } from '#contract/library.ts';
import type { LiveCard } from '#contract/memory.ts';
import { ModelPick } from '../../components/model-pick.tsx';
import { useFormat } from '../../format.ts';
import { MOST_CARDS, type Answer } from '#core/memory/answer.ts';
import { cards } from './cards.ts';
import type { Draft } from '#core/memory/draft.ts';
import { set } from './draft.ts';
import { NumberRow } from './number-row.tsx';
import { useProblemText } from './words.ts';
import classes from './memory.module.css';

interface Props {
  readonly draft: Draft;
  readonly answer: Answer | undefined;
  readonly model: Model | undefined;
  readonly models: readonly Model[];
  /** Of this computer. */
  readonly ownCards: readonly LiveCard[];
  /** Whether the typed size is one. */
  readonly isSize: boolean;
  /** Of the model: tokens it was trained with, and layers with the output. */
  readonly longest: number;
  readonly layers: number;
  readonly onModel: (id: string | undefined) => void;
}

const PRECISIONS = Object.keys(precisionBytes) as Precision[];
const OPTIMIZERS = ['adamw', 'adamw8bit', 'sgd', 'sgdMomentum'] as const;
const TASKS = ['run', 'lora', 'qlora', 'full'] as const;

/** What is asked: which model, what for, where, and with which settings. */
export function Controls({ draft, answer, model, models, ownCards, isSize, longest, layers, onModel }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className={classes.controls}>
      {models.length > 0 && (
        <SegmentedControl
          aria-label={t('estimate.source')}
          value={model === undefined ? 'size' : 'library'}
          data={[
            { value: 'library', label: t('estimate.fromLibrary') },
            { value: 'size', label: t('estimate.bySize') },
          ]}
          onChange={(value) => onModel(value === 'size' ? undefined : models[0]?.id)}
        />
      )}
      {model === undefined ? (
        <>
          <NumberRow
            label={t('estimate.billions')}
            value={draft.billions}
            min={0.5}
            max={512}
            step={0.5}
            doubling
            error={isSize ? null : t('estimate.billionsError')}
            onChange={(billions) => set({ billions })}
          />
          <NativeSelect
            label={t('estimate.precision')}
            value={draft.precision}
            data={PRECISIONS.map((value) => ({ value, label: value.toUpperCase() }))}
            onChange={(event) => set({ precision: event.currentTarget.value as Precision })}
          />
        </>
      ) : (
        <ModelPick label={t('estimate.model')} model={model} models={models} onChoose={onModel} />
      )}
      <SegmentedControl
        aria-label={t('estimate.task')}
        value={draft.task}
        data={TASKS.map((value) => ({ value, label: t(`estimate.tasks.${value}`) }))}
        onChange={(task) => set({ task })}
      />
      <NativeSelect
        label={t('estimate.device')}
        value={draft.card ?? ''}
        data={[
          {
            value: '',
            label:
              ownCards[0] === undefined
                ? t('estimate.thisComputer')
                : t('estimate.thisComputerWith', { name: ownCards[0].name, count: ownCards.length }),
          },
          ...cards.map(({ name, capacityBytes }) => ({
            value: name,
            label: `${name} · ${format.bytes(capacityBytes)}`,
          })),
        ]}
        onChange={(event) => set({ card: event.currentTarget.value === '' ? null : event.currentTarget.value, gpuLayers: null })}
      />
      {draft.task === 'run' ? (
        <RunSettings
          draft={draft}
          answer={answer}
          longest={longest}
          layers={layers}
          hasCards={draft.card !== null || ownCards.length > 0}
        />
      ) : (
        <TrainingSettings draft={draft} answer={answer} />
      )}
    </div>
  );
}

function RunSettings({
  draft,
  answer,
  longest,
  layers,
  hasCards,
}: Pick<Props, 'draft' | 'answer' | 'longest' | 'layers'> & { readonly hasCards: boolean }) {
  const { t } = useTranslation();
  const problemOf = useProblemText(answer);
  return (
    <>
      {draft.card !== null && (
        <NumberRow
          label={t('estimate.cardCount')}
          value={draft.cardCount}
          min={1}
          max={MOST_CARDS}
          onChange={(cardCount) => set({ cardCount })}
        />
      )}
      {hasCards && (
        <>
          <NumberRow
            label={t('estimate.gpuLayers')}
            value={draft.gpuLayers ?? answer?.gpuLayers ?? 0}
            min={0}
            max={layers}
            error={problemOf('gpuLayers')}
            onChange={(gpuLayers) => set({ gpuLayers })}
          />
          <Switch
            label={t('estimate.bestSplit')}
            checked={draft.gpuLayers === null}
            onChange={(event) => set({ gpuLayers: event.currentTarget.checked ? null : (answer?.gpuLayers ?? 0) })}
          />
        </>
      )}
      <NumberRow
        label={t('estimate.contextLength')}
        value={draft.contextLength}
        min={512}
        max={2 * longest}
        step={256}
        doubling
        error={problemOf('contextLength')}
        onChange={(contextLength) => set({ contextLength })}
      />
      <NativeSelect
        label={t('estimate.cacheType')}
        value={draft.cacheType}
        data={[...cacheTypes]}
        error={problemOf('valueType')}
        onChange={(event) => set({ cacheType: cacheTypes.find((type) => type === event.currentTarget.value) ?? 'F16' })}
      />
      <Switch
        label={t('estimate.flashAttention')}
        checked={draft.flashAttention}
        onChange={(event) => set({ flashAttention: event.currentTarget.checked })}
      />
      <NumberRow
        label={t('estimate.sequences')}
        value={draft.sequences}
        min={1}
        max={16}
        error={problemOf('sequences')}
        onChange={(sequences) => set({ sequences })}
      />
      <NumberRow
        label={t('estimate.batchLength')}
        value={draft.batchLength}
        min={32}
        max={4096}
        step={32}
        doubling
        error={problemOf('batchLength')}
        onChange={(batchLength) => set({ batchLength })}
      />
    </>
  );
}

const TRAINING_ROWS = [
  { setting: 'length', min: 128, max: 32_768, step: 128, doubling: true },
  { setting: 'batch', min: 1, max: 64, step: 1, doubling: false },
  { setting: 'accumulation', min: 1, max: 64, step: 1, doubling: false },
] as const;

function TrainingSettings({ draft, answer }: Pick<Props, 'draft' | 'answer'>) {
  const { t } = useTranslation();
  const problemOf = useProblemText(answer);
  return (
    <>
      {draft.task !== 'full' && (
        <NumberRow
          label={t('estimate.rank')}
          value={draft.rank}
          min={1}
          max={256}
          error={problemOf('rank')}
          onChange={(rank) => set({ rank })}
        />
      )}
      {TRAINING_ROWS.map(({ setting, ...span }) => (
        <NumberRow
          key={setting}
          label={t(`estimate.${setting}`)}
          value={draft[setting]}
          {...span}
          error={problemOf(setting)}
          onChange={(value) => set({ [setting]: value })}
        />
      ))}
      <NativeSelect
        label={t('estimate.optimizer')}
        value={draft.optimizer}
        data={OPTIMIZERS.map((value) => ({ value, label: t(`estimate.optimizers.${value}`) }))}
        onChange={(event) => set({ optimizer: OPTIMIZERS.find((one) => one === event.currentTarget.value) ?? 'adamw' })}
      />
      {draft.task === 'full' && (
        <Switch
          label={t('estimate.checkpointing')}
          checked={draft.checkpointing}
          onChange={(event) => set({ checkpointing: event.currentTarget.checked })}
        />
      )}
    </>
  );
}
