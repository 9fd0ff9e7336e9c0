/** For a field that comes up because the user asked for it: the keyboard goes on there. */
export const focusOn = (element: HTMLElement | null): void => element?.focus();
