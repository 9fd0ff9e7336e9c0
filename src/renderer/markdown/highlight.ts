import { createCssVariablesTheme, createHighlighterCore, type HighlighterCore, type LanguageInput } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';

/** One line of code in coloured pieces; the colours are variables of tokens.css, so both themes share one result. */
export type HighlightedLine = readonly { readonly text: string; readonly color: string | undefined }[];

const GRAMMARS: Readonly<Record<string, () => Promise<{ default: LanguageInput }>>> = {
  bash: () => import('shiki/langs/bash.mjs'),
  c: () => import('shiki/langs/c.mjs'),
  cpp: () => import('shiki/langs/cpp.mjs'),
  csharp: () => import('shiki/langs/csharp.mjs'),
  css: () => import('shiki/langs/css.mjs'),
  diff: () => import('shiki/langs/diff.mjs'),
  go: () => import('shiki/langs/go.mjs'),
  html: () => import('shiki/langs/html.mjs'),
  java: () => import('shiki/langs/java.mjs'),
  javascript: () => import('shiki/langs/javascript.mjs'),
  json: () => import('shiki/langs/json.mjs'),
  kotlin: () => import('shiki/langs/kotlin.mjs'),
  lua: () => import('shiki/langs/lua.mjs'),
  markdown: () => import('shiki/langs/markdown.mjs'),
  mermaid: () => import('shiki/langs/mermaid.mjs'),
  php: () => import('shiki/langs/php.mjs'),
  powershell: () => import('shiki/langs/powershell.mjs'),
  python: () => import('shiki/langs/python.mjs'),
  r: () => import('shiki/langs/r.mjs'),
  ruby: () => import('shiki/langs/ruby.mjs'),
  rust: () => import('shiki/langs/rust.mjs'),
  sql: () => import('shiki/langs/sql.mjs'),
  swift: () => import('shiki/langs/swift.mjs'),
  toml: () => import('shiki/langs/toml.mjs'),
  tsx: () => import('shiki/langs/tsx.mjs'),
  typescript: () => import('shiki/langs/typescript.mjs'),
  xml: () => import('shiki/langs/xml.mjs'),
  yaml: () => import('shiki/langs/yaml.mjs'),
};

/** Names under which models write the same languages. */
const ALIASES: Readonly<Record<string, string>> = {
  'c++': 'cpp',
  'c#': 'csharp',
  cs: 'csharp',
  golang: 'go',
  js: 'javascript',
  jsx: 'tsx',
  kt: 'kotlin',
  md: 'markdown',
  ps1: 'powershell',
  py: 'python',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  shell: 'bash',
  ts: 'typescript',
  yml: 'yaml',
  zsh: 'bash',
};

/** Longer code is shown plain: colouring it would block the page for longer than it is worth. */
const LONGEST_CODE = 60_000;

const theme = createCssVariablesTheme({ name: 'lathe', variablePrefix: '--syntax-', fontStyle: false });
let highlighter: Promise<HighlighterCore> | undefined;

/** Colour a code, or answer null where the language is not known. */
export async function highlight(code: string, language: string): Promise<readonly HighlightedLine[] | null> {
  const lower = language.toLowerCase();
  const lang = ALIASES[lower] ?? lower;
  const grammar = Object.hasOwn(GRAMMARS, lang) ? GRAMMARS[lang] : undefined;
  if (grammar === undefined || code.length > LONGEST_CODE) return null;
  // The engine in JavaScript: the page's policy runs no WebAssembly.
  highlighter ??= createHighlighterCore({ themes: [theme], langs: [], engine: createJavaScriptRegexEngine({ forgiving: true }) });
  const ready = await highlighter;
  await ready.loadLanguage((await grammar()).default);
  return ready
    .codeToTokens(code, { lang, theme: 'lathe' })
    .tokens.map((line) => line.map(({ content, color }) => ({ text: content, color })));
}
