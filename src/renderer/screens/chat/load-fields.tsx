import { Button, NativeSelect, NumberInput, Switch } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { cacheTypes } from '#core/memory/cache-types.ts';
import { LEAST_CONTEXT_LENGTH } from '#core/memory/load.ts';
import type { Model } from '#contract/library.ts';
import { MemoryBar, type MemoryPart } from '../../components/memory-bar.tsx';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { useAction } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { useLoading, type Loading } from './load-plan.ts';
import { Group } from './sampling-fields.tsx';
import classes from './panel.module.css';

/** How the model is loaded, and what that takes. */
export function LoadFields({ model }: { readonly model: Model }) {
  const { t } = useTranslation();
  const format = useFormat();
  const loading = useLoading(model);
  const { settings, plan, cards, isChanged } = loading;
  const status = useLive((state) => state.status);
  const load = useAction('chat.load');
  const change = (next: Parameters<Loading['change']>[0]): void => void loading.change(next).catch(errorToast);
  const isLoaded = status.state === 'ready' && status.modelId === model.id;
  const layers = plan?.estimate.settings.gpuLayers;
  return (
    <Group title={t('chatLoad.title')} open={isChanged} isChanged={isChanged}>
      <NumberInput
        label={t('estimate.contextLength')}
        description={t('chatLoad.contextNote')}
        inputWrapperOrder={['label', 'input', 'description']}
        placeholder={plan === undefined ? '' : t('chatLoad.auto', { value: format.number(plan.contextLength) })}
        min={LEAST_CONTEXT_LENGTH}
        step={1024}
        allowDecimal={false}
        clampBehavior="blur"
        value={settings.contextLength ?? ''}
        onChange={(value) => {
          if (value === '') change({ contextLength: null });
          else if (typeof value === 'number' && value >= LEAST_CONTEXT_LENGTH) change({ contextLength: value });
        }}
      />
      {cards.length > 0 && (
        <NumberInput
          label={t('estimate.gpuLayers')}
          placeholder={layers === undefined ? '' : t('chatLoad.auto', { value: format.number(layers) })}
          min={0}
          max={(model.facts.layerCount ?? 0) + 1}
          allowDecimal={false}
          value={settings.gpuLayers ?? ''}
          onChange={(value) => {
            if (value === '') change({ gpuLayers: null });
            else if (typeof value === 'number' && value >= 0) change({ gpuLayers: value });
          }}
        />
      )}
      <NativeSelect
        label={t('estimate.cacheType')}
        description={t('chatLoad.cacheNote')}
        inputWrapperOrder={['label', 'input', 'description']}
        value={settings.cacheType}
        data={[...cacheTypes]}
        onChange={(event) => change({ cacheType: cacheTypes.find((type) => type === event.currentTarget.value) ?? 'F16' })}
      />
      <Switch
        label={t('estimate.flashAttention')}
        checked={settings.flashAttention}
        onChange={(event) => change({ flashAttention: event.currentTarget.checked })}
      />
      {plan !== undefined && <Needs loading={loading} plan={plan} />}
      <div className={classes.loadActions}>
        <Button
          variant="default"
          size="xs"
          loading={load.isPending || status.state === 'loading'}
          onClick={() => load.mutate({ modelId: model.id }, { onError: (error) => error.code !== 'memory.short' && errorToast(error) })}
        >
          {t(isLoaded ? 'chatLoad.again' : 'chatLoad.now')}
        </Button>
        {isChanged && (
          <Button variant="subtle" size="xs" onClick={() => void loading.reset().catch(errorToast)}>
            {t('chatLoad.reset')}
          </Button>
        )}
      </div>
    </Group>
  );
}

function Needs({ loading: { room }, plan }: { readonly loading: Loading; readonly plan: NonNullable<Loading['plan']> }) {
  const { t } = useTranslation();
  const format = useFormat();
  const capacities = [room.processorBytes, ...room.cardBytes];
  return (
    <div className={classes.needs} role="group" aria-label={t('chatLoad.needs')}>
      {plan.estimate.devices.map(({ device, amounts, totalBytes }, index) => (
        <div key={device}>
          <div className={classes.needsHead} data-status={plan.status}>
            <span>{device === 'processor' ? t('estimate.processor') : t('chatLoad.card', { number: device + 1 })}</span>
            <span className="num">
              {t('estimate.ofCapacity', { used: format.bytes(totalBytes), total: format.bytes(capacities[index] ?? 0) })}
            </span>
          </div>
          <MemoryBar
            parts={Object.fromEntries(amounts.map(({ kind, bytes }) => [kind, bytes])) as Partial<Record<MemoryPart, number>>}
            totalBytes={capacities[index] ?? 0}
          />
        </div>
      ))}
      <p className={classes.note} role="status">
        {plan.status === 'short' ? t('estimate.short', { bytes: format.bytes(plan.missingBytes) }) : t('chatLoad.takesEffect')}
      </p>
    </div>
  );
}
