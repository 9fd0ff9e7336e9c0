import type { Settings } from '#contract/system.ts';

/**
 * Language and theme as they were last time, so that the first paint already has them; the program's settings come a
 * moment later and are what counts.
 */
type Look = Pick<Settings, 'language' | 'colorScheme'>;

const KEY = 'lathe.look';
const DEFAULT: Look = { language: 'system', colorScheme: 'auto' };

export function rememberedLook(): Look {
  try {
    const saved = JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Look>;
    return {
      language: saved.language === 'en' || saved.language === 'zh-CN' ? saved.language : DEFAULT.language,
      colorScheme: saved.colorScheme === 'light' || saved.colorScheme === 'dark' ? saved.colorScheme : DEFAULT.colorScheme,
    };
  } catch {
    return DEFAULT;
  }
}

export function rememberLook({ language, colorScheme }: Look): void {
  try {
    localStorage.setItem(KEY, JSON.stringify({ language, colorScheme }));
  } catch {
    // Storage can be full or forbidden; the next start then shows the default for a moment.
  }
}
