import type { Message } from '#contract/chat.ts';

/** Adapters with their strengths, as an answer was made with them: `tone × 0.5, rhyme × 1`. */
export const mixOf = (adapters: readonly { readonly name: string; readonly scale: number }[]): string =>
  adapters.map(({ name, scale }) => `${name} × ${Number(scale.toFixed(2))}`).join(', ');

/** The model of an answer with its adapters, or with the remote engine that it is of. */
export const madeWith = ({ modelName, adapters = [], remote }: NonNullable<Message['facts']>): string => {
  if (remote !== undefined) return `${modelName} (${remote.name})`;
  return adapters.length === 0 ? modelName : `${modelName} + ${mixOf(adapters)}`;
};
