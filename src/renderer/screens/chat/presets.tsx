import { Button, Menu, TextInput } from '@mantine/core';
import { IconCheck, IconChevronDown, IconPencil, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { sampling as samplingSchema, type Sampling } from '#contract/chat.ts';
import { SAMPLING_PRESETS, type SamplingPresetName } from '#core/sampling/presets.ts';
import { useAction, useCall } from '../../queries.ts';
import { focusOn } from './focus-on.ts';
import { errorToast, undoToast } from '../../toasts.tsx';
import { presetOf, samplingOf, withPreset } from './preset-values.ts';
import type { Chat } from './use-chat.ts';
import classes from './panel.module.css';

const NAMES = Object.keys(SAMPLING_PRESETS) as SamplingPresetName[];
const STANDARD = samplingSchema.parse({});

/** Ways of sampling by task, and those that the user gave a name to. */
export function Presets({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { data: settings } = useCall('system.settings', {});
  const action = useAction('system.changeSettings');
  const [naming, setNaming] = useState<{ readonly old: string | null; readonly name: string } | null>(null);
  const { sampling } = chat.settings;
  const own = settings?.samplingPresets ?? [];
  const save = (samplingPresets: typeof own): void => action.mutate({ samplingPresets }, { onError: errorToast });
  const apply = (values: Partial<Sampling>): void => chat.change({ sampling: withPreset(sampling, values) });
  const current = presetOf(sampling, [
    { key: 'standard', values: {} },
    ...NAMES.map((name) => ({ key: name, values: SAMPLING_PRESETS[name] })),
    ...own.map(({ name, sampling: values }) => ({ key: `own:${name}`, values })),
  ]);
  const currentName =
    current === null
      ? t('chatSampling.presets.none')
      : current.startsWith('own:')
        ? current.slice('own:'.length)
        : t(`chatSampling.presets.names.${current as SamplingPresetName | 'standard'}`);
  const tick = (key: string) => (key === current ? <IconCheck size={14} aria-hidden /> : undefined);

  const finishNaming = (): void => {
    const name = naming?.name.trim() ?? '';
    if (naming === null || name === '') return setNaming(null);
    const rest = own.filter((preset) => preset.name !== name && preset.name !== naming.old);
    const values = own.find((preset) => preset.name === naming.old)?.sampling ?? samplingOf(sampling);
    save([...rest, { name, sampling: values }]);
    setNaming(null);
  };

  if (naming !== null) {
    return (
      <form
        className={classes.naming}
        onSubmit={(event) => {
          event.preventDefault();
          finishNaming();
        }}
      >
        <TextInput
          ref={focusOn}
          aria-label={t('chatSampling.presets.name')}
          placeholder={t('chatSampling.presets.name')}
          maxLength={60}
          value={naming.name}
          onChange={(event) => setNaming({ ...naming, name: event.currentTarget.value })}
          onKeyDown={(event) => event.key === 'Escape' && setNaming(null)}
        />
        <Button type="submit">{t('common.save')}</Button>
      </form>
    );
  }
  return (
    <Menu position="bottom-start" width="target">
      <Menu.Target>
        <Button fullWidth variant="default" justify="space-between" rightSection={<IconChevronDown size={14} aria-hidden />}>
          <span className="sr-only">{t('chatSampling.presets.label')}</span>
          {currentName}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item rightSection={tick('standard')} onClick={() => apply(STANDARD)}>
          {t('chatSampling.presets.names.standard')}
        </Menu.Item>
        {NAMES.map((name) => (
          <Menu.Item key={name} rightSection={tick(name)} onClick={() => apply(SAMPLING_PRESETS[name])}>
            <span className={classes.presetName}>{t(`chatSampling.presets.names.${name}`)}</span>
            <span className={classes.presetNote}>{t(`chatSampling.presets.notes.${name}`)}</span>
          </Menu.Item>
        ))}
        {own.length > 0 && <Menu.Divider />}
        {own.map(({ name, sampling: values }) => (
          <Menu.Item key={name} rightSection={tick(`own:${name}`)} onClick={() => apply(values)}>
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item onClick={() => setNaming({ old: null, name: '' })}>{t('chatSampling.presets.save')}</Menu.Item>
        {current?.startsWith('own:') === true && (
          <>
            <Menu.Item leftSection={<IconPencil size={14} />} onClick={() => setNaming({ old: currentName, name: currentName })}>
              {t('chatSampling.presets.rename')}
            </Menu.Item>
            <Menu.Item
              data-danger
              leftSection={<IconTrash size={14} />}
              onClick={() => {
                save(own.filter(({ name }) => name !== currentName));
                undoToast(`preset-${currentName}`, t('chatSampling.presets.removed', { name: currentName }), () => save(own));
              }}
            >
              {t('chatSampling.presets.remove')}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
