import { Button } from '@mantine/core';
import { IconCode, IconSitemap } from '@tabler/icons-react';
import { memo, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../components/copy-button.tsx';
import { useCall } from '../queries.ts';
import { showBidi } from './bidi.ts';
import { DiagramView } from './diagram-view.tsx';
import type { HighlightedLine } from './highlight.ts';
import classes from './markdown.module.css';

interface Props {
  readonly code: string;
  readonly language: string;
  /** Colours come when the block is finished: while it grows they would only flicker. */
  readonly finished: boolean;
}

/** What was last chosen for a diagram, by its code: a turn that is scrolled away and back shows the same again. */
const shownAsDiagram = new Map<string, boolean>();

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
  const { data: settings } = useCall('system.settings', {});
  const isDiagram = finished && language.toLowerCase() === 'mermaid';
  const [chosen, setChosen] = useState(() => shownAsDiagram.get(written));
  const isDrawn = isDiagram && (chosen ?? settings?.diagrams ?? false);
  const label = language === '' ? t('markdown.code') : t('markdown.codeIn', { language });
  return (
    <figure className={classes.codeBlock}>
      <figcaption className={classes.codeHead}>
        <span>{language === '' ? t('markdown.code') : language}</span>
        <span className={classes.codeButtons}>
          {isDiagram && (
            <Button
              variant="subtle"
              size="compact-xs"
              leftSection={isDrawn ? <IconCode size={14} /> : <IconSitemap size={14} />}
              onClick={() => {
                shownAsDiagram.set(written, !isDrawn);
                setChosen(!isDrawn);
              }}
            >
              {isDrawn ? t('markdown.showCode') : t('markdown.showDiagram')}
            </Button>
          )}
          <CopyButton text={written} label={t('markdown.copyCode')} size={22} />
        </span>
      </figcaption>
      {isDrawn ? (
        <DiagramView code={written} />
      ) : (
        // Scrolls sideways: reachable by keyboard.
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
      )}
    </figure>
  );
});
