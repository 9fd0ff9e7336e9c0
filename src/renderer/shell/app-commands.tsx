import { useComputedColorScheme } from '@mantine/core';
import {
  IconCloud,
  IconCommand,
  IconFileText,
  IconKeyboard,
  IconLanguage,
  IconLayoutSidebar,
  IconListCheck,
  IconMessagePlus,
  IconMoon,
  IconPlus,
  IconSettings,
  IconSparkles,
  IconSun,
} from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useCommands, type Command } from '../commands/registry.ts';
import { startDemo } from '../jobs/start.ts';
import { openDialog, toggleJobs } from '../layers.ts';
import { goTo } from '../navigation.ts';
import { prefer, usePreferences } from '../preferences.ts';
import { useAction } from '../queries.ts';
import { screens } from '../screens/list.tsx';

const SIZE = { size: 16, stroke: 1.7 };

/** What can be done from everywhere. */
export function AppCommands() {
  const { t, i18n } = useTranslation();
  const scheme = useComputedColorScheme('light');
  const change = useAction('system.changeSettings');
  const other = scheme === 'dark' ? 'light' : 'dark';
  const otherLanguage = i18n.language === 'en' ? 'zh-CN' : 'en';

  useCommands('app', [
    ...screens.map(({ name, icon: Icon, keys, open }): Command => ({
      id: `go.${name}`,
      title: t('commands.goTo', { screen: t(`screens.${name}`) }),
      section: 'go',
      keys,
      icon: <Icon {...SIZE} />,
      run: open,
    })),
    {
      id: 'chat.new',
      title: t('chat.new'),
      section: 'chat',
      keys: { desktop: 'mod+n', browser: 'alt+n' },
      icon: <IconMessagePlus {...SIZE} />,
      run: () => goTo.newChat(),
    },
    {
      id: 'library.add',
      title: t('library.add.title'),
      section: 'library',
      keys: 'mod+o',
      icon: <IconPlus {...SIZE} />,
      run: () => openDialog({ kind: 'add' }),
    },
    { id: 'library.demo', title: t('library.createDemo'), section: 'library', icon: <IconSparkles {...SIZE} />, run: startDemo },
    { id: 'app.jobs', title: t('commands.jobs'), section: 'app', keys: 'mod+j', icon: <IconListCheck {...SIZE} />, run: toggleJobs },
    {
      id: 'app.palette',
      title: t('palette.open'),
      section: 'app',
      keys: 'mod+k',
      icon: <IconCommand {...SIZE} />,
      run: () => openDialog({ kind: 'palette' }),
    },
    {
      id: 'app.settings',
      title: t('commands.settings'),
      section: 'app',
      keys: 'mod+,',
      icon: <IconSettings {...SIZE} />,
      run: () => openDialog({ kind: 'settings' }),
    },
    {
      id: 'app.remote',
      title: t('remote.title'),
      section: 'app',
      icon: <IconCloud {...SIZE} />,
      run: () => openDialog({ kind: 'remote' }),
    },
    {
      id: 'app.shortcuts',
      title: t('commands.shortcuts'),
      section: 'app',
      keys: '?',
      icon: <IconKeyboard {...SIZE} />,
      run: () => openDialog({ kind: 'shortcuts' }),
    },
    { id: 'app.log', title: t('commands.log'), section: 'app', icon: <IconFileText {...SIZE} />, run: () => openDialog({ kind: 'log' }) },
    {
      id: 'app.rail',
      title: t('commands.rail'),
      section: 'app',
      keys: 'mod+b',
      icon: <IconLayoutSidebar {...SIZE} />,
      run: () => prefer({ railFolded: !usePreferences.getState().railFolded }),
    },
    {
      id: 'app.scheme',
      title: t(`commands.scheme.${other}`),
      section: 'app',
      words: 'theme dark light 主题 深色 浅色',
      icon: other === 'dark' ? <IconMoon {...SIZE} /> : <IconSun {...SIZE} />,
      run: () => change.mutate({ colorScheme: other }),
    },
    {
      id: 'app.language',
      // In the language that it leads to: whoever needs it reads that one.
      title: otherLanguage === 'en' ? 'Switch to English' : '切换到简体中文',
      section: 'app',
      words: 'language 语言 chinese 中文 english',
      icon: <IconLanguage {...SIZE} />,
      run: () => change.mutate({ language: otherLanguage }),
    },
  ]);
  return null;
}
