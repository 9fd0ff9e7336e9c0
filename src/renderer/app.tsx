import { MantineProvider } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { CatchBoundary, RouterProvider } from '@tanstack/react-router';
import { useEffect } from 'react';
import { useTranslation } from 'react-i18next';
import { languageOf, setLanguage } from './i18n/index.ts';
import { rememberedLook, rememberLook } from './look.ts';
import { queryClient, useCall } from './queries.ts';
import { router } from './router.tsx';
import { Refused } from './shell/refused.tsx';
import { useLink } from './shell/connection-banner.tsx';
import { BrokenToasts } from './toasts.tsx';
import { cssVariables, theme } from './theme.ts';

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <Themed />
    </QueryClientProvider>
  );
}

/** The app in the theme and language of the settings. */
function Themed() {
  const { data: settings } = useCall('system.settings', {});
  const { i18n } = useTranslation();
  const systemIsDark = useMediaQuery('(prefers-color-scheme: dark)', matchMedia('(prefers-color-scheme: dark)').matches);
  const link = useLink();
  const look = settings ?? rememberedLook();
  const scheme = look.colorScheme === 'auto' ? (systemIsDark === true ? 'dark' : 'light') : look.colorScheme;
  const language = languageOf(look.language);

  useEffect(() => {
    if (settings !== undefined) rememberLook(settings);
  }, [settings]);
  useEffect(() => {
    if (i18n.language !== language) void setLanguage(language);
  }, [i18n.language, language]);

  return (
    <MantineProvider theme={theme} cssVariablesResolver={cssVariables} forceColorScheme={scheme}>
      {link.state === 'refused' ? <Refused error={link.error} /> : <RouterProvider router={router} />}
      <CatchBoundary getResetKey={() => 'toasts'} errorComponent={BrokenToasts}>
        <Notifications position="bottom-right" limit={4} transitionDuration={120} />
      </CatchBoundary>
    </MantineProvider>
  );
}
