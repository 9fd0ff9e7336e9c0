import type { Message } from '#contract/chat.ts';

/** A message of the branch in view, among its siblings: other answers to the same, other wordings of the same. */
export interface Turn {
  readonly message: Message;
  readonly siblings: readonly Message[];
  /** Its place among them, from 0. */
  readonly index: number;
}

/** Which of several siblings is in view, by their parent's id; the first messages have none. */
export type Choices = Readonly<Record<string, string>>;

export const parentKey = (parentId: string | null): string => parentId ?? 'root';

/** The branch in view, from the first message on. Where nothing was chosen it is the newest. */
export function visibleTurns(messages: readonly Message[], choices: Choices): Turn[] {
  const children = Map.groupBy(
    messages.toSorted((left, right) => left.createdMs - right.createdMs),
    ({ parentId }) => parentKey(parentId),
  );
  const turns: Turn[] = [];
  // Each message is taken once, so a circle of parents, which no server should send, ends too.
  const seen = new Set<string>();
  for (let key = parentKey(null); ;) {
    const siblings: readonly Message[] = (children.get(key) ?? []).filter(({ id }) => !seen.has(id));
    const chosen = siblings.findIndex(({ id }) => id === choices[key]);
    const index = chosen >= 0 ? chosen : siblings.length - 1;
    const message = siblings[index];
    if (message === undefined) return turns;
    seen.add(message.id);
    turns.push({ message, siblings, index });
    key = message.id;
  }
}
