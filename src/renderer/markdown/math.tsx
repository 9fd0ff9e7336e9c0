import katex from 'katex';
import 'katex/dist/katex.min.css';
import { useLayoutEffect, useRef } from 'react';

/** A formula that builds more than this is no formula (KaTeX counts expansions of macros). */
const MAX_EXPAND = 1000;
/** Em; a formula may not push the page aside. */
const MAX_SIZE = 20;

interface Props {
  readonly tex: string;
  readonly display: boolean;
}

/** A formula in LaTeX. What KaTeX cannot read stands as it was written. */
export default function Math({ tex, display }: Props) {
  const place = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    if (place.current === null) return;
    try {
      // Built as elements, never as HTML; nothing of it may link to or load anything.
      katex.render(tex, place.current, {
        displayMode: display,
        throwOnError: true,
        trust: false,
        strict: 'ignore',
        maxExpand: MAX_EXPAND,
        maxSize: MAX_SIZE,
        output: 'htmlAndMathml',
      });
    } catch {
      place.current.textContent = tex;
    }
  }, [tex, display]);
  return <span ref={place} />;
}
