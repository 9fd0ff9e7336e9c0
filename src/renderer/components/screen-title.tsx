import { useEffect, useRef } from 'react';
import { isCovered } from '../layers.ts';

/** The page itself begins where the browser lets it begin; only going from screen to screen moves the focus. */
let isFirstScreen = true;

/** The heading of a screen. On going to the screen it gets the focus, so that a screen reader says where one is. */
export function ScreenTitle({ children, className }: { readonly children: string; readonly className: string | undefined }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (!isFirstScreen && !isCovered()) heading.current?.focus();
    isFirstScreen = false;
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1} className={className}>
      {children}
    </h1>
  );
}
