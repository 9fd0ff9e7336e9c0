import { adapters } from './adapters.ts';
import { benchmark } from './benchmark.ts';
import { chat } from './chat.ts';
import { convert } from './convert.ts';
import { estimate } from './estimate.ts';
import { library } from './library.ts';
import { remote } from './remote.ts';
import { server } from './server.ts';
import { shell } from './shell.ts';
import { training } from './training.ts';

/**
 * Every word of the screens, in English. `{{name}}` is filled in; `_one` and `_other` are the forms for one and for many.
 * Sentence case, plain words; the field's own terms (quantization, context, token, adapter) where they are the right ones.
 */
export const en = {
  ...shell,
  ...library,
  ...chat,
  ...convert,
  ...adapters,
  ...training,
  ...benchmark,
  ...estimate,
  ...remote,
  ...server,
} as const;

/** The same keys in another language. A language without a form for one leaves the `_one` keys out. */
type Words<T> = T extends string ? string : { readonly [K in keyof T as K extends `${string}_one` ? never : K]: Words<T[K]> };
export type Messages = Words<typeof en>;
