import { describe, expect, test } from 'vitest';
import { errorCatalogue, type ErrorText } from '#core/errors/index.ts';
import { en } from '#renderer/i18n/en/index.ts';
import { zhErrors } from '#renderer/i18n/errors-zh-cn/index.ts';
import { languageOf } from '#renderer/i18n/index.ts';
import { zhCn } from '#renderer/i18n/zh-cn/index.ts';
import { PHASES } from '#renderer/jobs/job-title.ts';

type Tree = { readonly [key: string]: string | Tree };

/** Every text of a tree, by its path. */
function textsOf(tree: Tree, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(tree).flatMap(([key, value]) =>
      typeof value === 'string' ? [[`${prefix}${key}`, value] as const] : [...textsOf(value, `${prefix}${key}.`)],
    ),
  );
}

const placeholders = (text: string, pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map(([whole]) => whole))].sort();
const OF_SCREENS = /\{\{\w+\}\}/g;
const OF_ERRORS = /\{\w+\}/g;

const english = textsOf(en);
const chinese = textsOf(zhCn);

describe('the words of the screens', () => {
  test('both languages have the same keys; Chinese has no form for one', () => {
    expect(english.size).toBeGreaterThan(300);
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].filter((key) => !key.endsWith('_one')).sort());
  });

  test('and fill the same values in', () => {
    for (const [key, text] of chinese)
      expect([key, placeholders(text, OF_SCREENS)]).toEqual([key, placeholders(english.get(key) ?? '', OF_SCREENS)]);
  });

  test('what has a form for one has one for many', () => {
    expect([...english.keys()].filter((key) => key.endsWith('_one') && !english.has(key.replace(/_one$/, '_other')))).toEqual([]);
  });

  test('no text is left in the other language', () => {
    // Names, units and file formats are the same in both, and so are texts that small English models can go on from.
    const same = [...chinese].filter(([key, text]) => text === english.get(key) && /[a-z]{3}/i.test(text)).map(([key]) => key);
    const meant =
      /^(rail\.label|memory\.lathe|palette\.sections\.app|library\.kinds\.|library\.kindFilters\.|library\.facts\.alpha|convert\.groups\.(bitsandbytes|gptq)$|chatSampling\.\w+\.label|chat\.starters\.text\.|server\.snippets\.)/;
    expect(same.filter((key) => !meant.test(key))).toEqual([]);
  });

  test('every phase of a job has its words', () => {
    for (const phase of PHASES) expect(english.has(`jobs.phases.${phase}`)).toBe(true);
    expect([...english.keys()].filter((key) => key.startsWith('jobs.phases.'))).toHaveLength(PHASES.size);
  });
});

describe('the words of the errors', () => {
  test('are there in both languages, for each code', () => {
    expect(Object.keys(zhErrors).sort()).toEqual(Object.keys(errorCatalogue).sort());
  });

  test('and name the same values', () => {
    const whole = ({ what, safe, next }: ErrorText): string => `${what} ${safe} ${next}`;
    const catalogue: Readonly<Record<string, ErrorText>> = errorCatalogue;
    for (const [code, text] of Object.entries(zhErrors)) {
      const original = catalogue[code];
      expect([code, placeholders(whole(text), OF_ERRORS)]).toEqual([
        code,
        original === undefined ? [] : placeholders(whole(original), OF_ERRORS),
      ]);
    }
  });
});

test('the language is the chosen one, else the first of the browser that there is', () => {
  expect(languageOf('zh-CN', ['en'])).toBe('zh-CN');
  expect(languageOf('system', ['fr', 'zh-TW', 'en'])).toBe('zh-CN');
  expect(languageOf('system', ['de-AT', 'en-GB', 'zh'])).toBe('en');
  expect(languageOf('system', [])).toBe('en');
});
