import i18next from 'i18next';
import { initReactI18next } from 'react-i18next';
import { create } from 'zustand';
import type { Settings } from '#contract/system.ts';
import { errorCatalogue, type ErrorCode, type ErrorText } from '#core/errors/index.ts';
import { en, type Messages } from './en/index.ts';

declare module 'i18next' {
  interface CustomTypeOptions {
    defaultNS: 'translation';
    resources: { translation: typeof en };
  }
}

export type Language = 'en' | 'zh-CN';

/** The errors' words in the language in use. */
export const useErrorWords = create<{ readonly words: Readonly<Record<ErrorCode, ErrorText>> }>(() => ({ words: errorCatalogue }));

/** The language of a setting; `system` goes by what the browser prefers. */
export function languageOf(setting: Settings['language'], preferred: readonly string[] = navigator.languages): Language {
  if (setting !== 'system') return setting;
  const first = preferred.find((tag) => /^(en|zh)\b/i.test(tag));
  return first !== undefined && /^zh\b/i.test(first) ? 'zh-CN' : 'en';
}

export async function startTranslations(language: Language): Promise<void> {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en } },
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await setLanguage(language);
}

/** Change the language of the page. Chinese is fetched when it is first asked for. */
export async function setLanguage(language: Language): Promise<void> {
  if (language === 'zh-CN' && !i18next.hasResourceBundle('zh-CN', 'translation')) {
    const { zhCn } = await import('./zh-cn/index.ts');
    i18next.addResourceBundle('zh-CN', 'translation', zhCn satisfies Messages);
  }
  const words = language === 'zh-CN' ? (await import('./errors-zh-cn/index.ts')).zhErrors : errorCatalogue;
  useErrorWords.setState({ words });
  document.documentElement.lang = language;
  await i18next.changeLanguage(language);
}
