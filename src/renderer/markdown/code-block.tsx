import { memo, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../components/copy-button.tsx';
import { showBidi } from './bidi.ts';
import type { HighlightedLine } from './highlight.ts';
import classes from './markdown.module.css';

interface Props {
  readonly code: string;
  readonly language: string;
  /** Colours come when the block is finished: while it grows they would only flicker. */
  readonly finished: boolean;
}

/** Code in an answer, with a button to copy it. The highlighter is fetched for the first finished block. */
export const CodeBlock = memo(function CodeBlock({ code: written, language, finished }: Props) {
  const { t } = useTranslation();
  const code = showBidi(written);
  const [lines, setLines] = useState<readonly HighlightedLine[] | null>(null);
  useEffect(() => {
    if (!finished || language === '') return;
    let stale = false;
    void import('./highlight.ts')
      .then(({ highlight }) => highlight(code, language))
      .then((result) => {
        if (!stale) setLines(result);
      })
      // Without colours it is still the same code.
      .catch(() => undefined);
    return () => {
      stale = true;
    };
  }, [code, language, finished]);
  const label = language === '' ? t('markdown.code') : t('markdown.codeIn', { language });
  return (
    <figure className={classes.codeBlock}>
      <figcaption className={classes.codeHead}>
        <span>{language === '' ? t('markdown.code') : language}</span>
        <CopyButton text={written} label={t('markdown.copyCode')} size={22} />
      </figcaption>
      {/* Scrolls sideways: reachable by keyboard. */}
      <pre tabIndex={0} aria-label={label}>
        <code>
          {lines === null
            ? code
            : lines.map((line, row) => (
                <span key={row}>
                  {line.map(({ text, color }, column) => (
                    <span key={column} style={color === undefined ? undefined : { color }}>
                      {text}
                    </span>
                  ))}
                  {row < lines.length - 1 ? '\n' : ''}
                </span>
              ))}
        </code>
      </pre>
    </figure>
  );
});
