import { token } from './session.ts';
import '@fontsource-variable/inter/index.css';
import '@mantine/core/styles.layer.css';
import '@mantine/notifications/styles.layer.css';
import './styles/tokens.css';
import './styles/base.css';
import { createRoot } from 'react-dom/client';
import { createApi } from './api.ts';
import { App } from './app.tsx';
import { languageOf, startTranslations } from './i18n/index.ts';
import { startLive } from './live.ts';
import { isDesktop, openBrowserPort, openDesktopPort, openSession } from './ports.ts';
import { provideApi } from './queries.ts';
import { rememberedLook } from './look.ts';
import { jobToast } from './toasts.tsx';

async function start(): Promise<void> {
  const desktop = isDesktop();
  if (token !== null) await openSession(token);
  provideApi(createApi(desktop ? openDesktopPort : openBrowserPort));
  startLive(jobToast, new AbortController().signal);
  await startTranslations(languageOf(rememberedLook().language));
  const root = document.getElementById('root');
  if (root !== null) createRoot(root).render(<App />);
}

void start();
