import { NativeSelect } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';

/** An adapter of the base that the run goes on with. Not there where none fits. */
export function AdapterChoice({ setup: { adapters, adapterId } }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  if (adapters.length === 0) return null;
  return (
    <NativeSelect
      label={t('training.adapter.label')}
      description={t(adapterId === null ? 'training.adapter.note' : 'training.adapter.kept')}
      inputWrapperOrder={['label', 'input', 'description']}
      value={adapterId ?? ''}
      data={[{ value: '', label: t('training.adapter.none') }, ...adapters.map(({ id, name }) => ({ value: id, label: name }))]}
      onChange={(event) => set({ adapterId: event.currentTarget.value === '' ? null : event.currentTarget.value })}
    />
  );
}
