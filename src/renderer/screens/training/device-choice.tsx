import { NativeSelect } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';

/** Where it is computed. Not there where there is only the processor. */
export function DeviceChoice({ setup: { cards, device } }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (cards.length === 0) return null;
  return (
    <NativeSelect
      label={t('training.device.label')}
      value={device}
      data={[
        { value: 'CPU', label: t('training.device.cpu') },
        ...cards.map(({ name, description, memoryBytes }) => ({ value: name, label: `${description} · ${format.bytes(memoryBytes)}` })),
      ]}
      onChange={(event) => set({ device: event.currentTarget.value })}
    />
  );
}
