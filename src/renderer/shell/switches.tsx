import { Menu } from '@mantine/core';
import { IconCheck, IconDeviceDesktop, IconLanguage, IconMoon, IconSun } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { Settings } from '#contract/system.ts';
import { IconButton } from '../components/icon-button.tsx';
import { useAction, useCall } from '../queries.ts';

const LANGUAGES: readonly { readonly value: Settings['language']; readonly name: string | null }[] = [
  { value: 'system', name: null },
  // Each in its own words: whoever is lost in a language finds the own one.
  { value: 'en', name: 'English' },
  { value: 'zh-CN', name: '简体中文' },
];

export function LanguageSwitch() {
  const { t } = useTranslation();
  const { data } = useCall('system.settings', {});
  const change = useAction('system.changeSettings');
  return (
    <Menu position="top-start">
      <Menu.Target>
        <IconButton label={t('settings.language')}>
          <IconLanguage size={17} stroke={1.7} />
        </IconButton>
      </Menu.Target>
      <Menu.Dropdown>
        {LANGUAGES.map(({ value, name }) => (
          <Menu.Item
            key={value}
            lang={value === 'system' ? undefined : value}
            aria-current={data?.language === value}
            rightSection={data?.language === value ? <IconCheck size={14} /> : undefined}
            onClick={() => change.mutate({ language: value })}
          >
            {name ?? t('settings.likeSystem')}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

const SCHEMES = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon } as const;

export function ThemeSwitch() {
  const { t } = useTranslation();
  const { data } = useCall('system.settings', {});
  const change = useAction('system.changeSettings');
  const chosen = data?.colorScheme ?? 'auto';
  const Chosen = SCHEMES[chosen];
  return (
    <Menu position="top-start">
      <Menu.Target>
        <IconButton label={t('settings.colorScheme')}>
          <Chosen size={17} stroke={1.7} />
        </IconButton>
      </Menu.Target>
      <Menu.Dropdown>
        {(Object.keys(SCHEMES) as Settings['colorScheme'][]).map((value) => {
          const Icon = SCHEMES[value];
          return (
            <Menu.Item
              key={value}
              leftSection={<Icon size={15} stroke={1.7} />}
              aria-current={chosen === value}
              rightSection={chosen === value ? <IconCheck size={14} /> : undefined}
              onClick={() => change.mutate({ colorScheme: value })}
            >
              {t(`settings.schemes.${value}`)}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}
