import type { Message } from '#contract/chat.ts';

/** Adapters with their strengths, as an answer was made with them: `tone × 0.5, rhyme × 1`. */
export const mixOf = (adapters: readonly { readonly name: string; readonly scale: number }[]): string =>
  adapters.map(({ name, scale }) => `${name} × ${Number(scale.toFixed(2))}`).join(', ');

/** The model and the adapters of an answer. */
export const madeWith = ({ modelName, adapters = [] }: NonNullable<Message['facts']>): string =>
  adapters.length === 0 ? modelName : `${modelName} + ${mixOf(adapters)}`;
