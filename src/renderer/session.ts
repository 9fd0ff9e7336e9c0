/**
 * The token of `lathe serve`, taken out of the address at once: it must neither stay in the history nor be taken for a
 * route. This module is loaded before anything that reads the address, and imports nothing.
 */
export const token: string | null = typeof location === 'undefined' ? null : (/^#token=([\w-]+)$/.exec(location.hash)?.[1] ?? null);

if (token !== null) window.history.replaceState(null, '', `${location.pathname}#/`);
