import { lazy, memo, Suspense, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import ReactMarkdown, { type Components } from 'react-markdown';
import remarkGfm from 'remark-gfm';
import remarkMath from 'remark-math';
import remend from 'remend';
import { splitBlocks } from './blocks.ts';
import { CodeBlock } from './code-block.tsx';
import { LinkText } from './link-text.tsx';
import { mayHoldMath, withDollars } from './math-marks.ts';
import classes from './markdown.module.css';

const PLUGINS = [remarkGfm];
const MATH_PLUGINS = [remarkGfm, remarkMath];

/** KaTeX and its fonts are fetched, from the program itself, for the first formula. */
const Formula = lazy(() => import('./math.tsx'));

/** A block of more letters is shown plain: reading it as Markdown over and over would hold up the page. */
const LONGEST_BLOCK = 40_000;

/** A picture in an answer is never fetched: whoever wrote its address would learn that it was read. */
function ImageText({ alt, src }: { readonly alt?: string | undefined; readonly src?: unknown }) {
  const { t } = useTranslation();
  return (
    <span className={classes.image} title={typeof src === 'string' ? src : undefined}>
      {t('markdown.image', { alt: alt === undefined || alt === '' ? String(src) : alt })}
    </span>
  );
}

/** The block whose fence is open is still being written. */
const isOpenFence = (block: string): boolean => {
  const lines = block.split('\n');
  const mark = /^ {0,3}(`{3,}|~{3,})/.exec(lines[0] ?? '')?.[1];
  return (
    mark !== undefined &&
    (lines.length === 1 || !lines.slice(1).some((line) => line.trim().startsWith(mark) && line.trim().replaceAll(mark[0] ?? '', '') === ''))
  );
};

const Block = memo(function Block({ text, writing }: { readonly text: string; readonly writing: boolean }) {
  const components = useMemo((): Components => {
    const open = writing && isOpenFence(text);
    return {
      a: ({ href, children }) => <LinkText address={href ?? ''}>{children}</LinkText>,
      img: ({ alt, src }) => <ImageText alt={alt} src={src} />,
      pre: ({ children }) => <>{children}</>,
      code: ({ className, children, node }) => {
        const code = typeof children === 'string' ? children : '';
        if (className?.includes('math-') === true && !open) {
          return (
            <Suspense fallback={<code>{code}</code>}>
              <Formula tex={code} display={className.includes('math-display')} />
            </Suspense>
          );
        }
        const isBlock = className !== undefined || node?.position?.start.line !== node?.position?.end.line;
        return isBlock ? (
          <CodeBlock code={code.replace(/\n$/, '')} language={className?.replace('language-', '') ?? ''} finished={!open} />
        ) : (
          <code>{children}</code>
        );
      },
      table: ({ children }) => (
        // Wider than the column, it scrolls by itself.
        <div className={classes.table} tabIndex={0} role="group">
          <table>{children}</table>
        </div>
      ),
    };
  }, [text, writing]);
  if (text.length > LONGEST_BLOCK) return <p className={classes.long}>{text}</p>;
  const hasMath = mayHoldMath(text);
  const source = hasMath ? withDollars(text) : text;
  return (
    <ReactMarkdown remarkPlugins={hasMath ? MATH_PLUGINS : PLUGINS} components={components}>
      {writing ? remend(source, { linkMode: 'text-only', images: false, katex: false }) : source}
    </ReactMarkdown>
  );
});

/** A model's answer. While it is being written only its last block is rendered anew, with its open marks closed. */
export const Markdown = memo(function Markdown({ text, writing = false }: { readonly text: string; readonly writing?: boolean }) {
  const blocks = useMemo(() => splitBlocks(text), [text]);
  return (
    <div className={classes.text}>
      {blocks.map((block, index) => (
        // Blocks are only ever appended to: the place is the identity.
        <Block key={index} text={block} writing={writing && index === blocks.length - 1} />
      ))}
    </div>
  );
});
