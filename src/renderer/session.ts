import { tokenOf } from './ports.ts';

/**
 * The token of `lathe serve`, taken out of the address at once: it must neither stay in the history nor be taken for a
 * route. This module is loaded before anything that reads the address.
 */
export const token: string | null = typeof location === 'undefined' ? null : tokenOf(location.hash);

if (token !== null) window.history.replaceState(null, '', `${location.pathname}#/`);
