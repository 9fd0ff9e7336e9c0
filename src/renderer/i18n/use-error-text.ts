import { useCallback } from 'react';
import { useTranslation } from 'react-i18next';
import { fillText, type AppErrorData, type ErrorText } from '#core/errors/index.ts';
import { useErrorWords } from './index.ts';

/** The words of an error in the user's language, parameters filled in. */
export function useErrorText(): (error: Pick<AppErrorData, 'code' | 'params'>) => ErrorText {
  const { i18n } = useTranslation();
  const { words } = useErrorWords();
  const locale = i18n.language;
  return useCallback(
    ({ code, params }) => {
      const text = words[code];
      return {
        what: fillText(text.what, params, locale),
        safe: fillText(text.safe, params, locale),
        next: fillText(text.next, params, locale),
      };
    },
    [words, locale],
  );
}
