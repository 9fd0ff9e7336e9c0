import { create } from 'zustand';
import type { TokenChoice } from '#contract/chat.ts';

/**
 * The tokens of answers with what could have stood in their places, by message. They are many times as long as the answer and
 * so live only as long as the page.
 */
export const useTokenChoices = create<Readonly<Record<string, readonly TokenChoice[]>>>(() => ({}));

export function keepTokens(messageId: string | null | undefined, tokens: readonly TokenChoice[]): void {
  if (messageId == null) return;
  useTokenChoices.setState((all) => ({ [messageId]: [...(all[messageId] ?? []), ...tokens] }));
}

export const forgetTokens = (messageId: string): void =>
  useTokenChoices.setState((all) => Object.fromEntries(Object.entries(all).filter(([id]) => id !== messageId)), true);
