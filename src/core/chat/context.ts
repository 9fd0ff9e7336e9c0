/**
 * What to do when a conversation has outgrown the context: refuse, let the oldest turns go, let the oldest turns go but never the
 * system prompt, or have the model summarise them first.
 */
export const CONTEXT_POLICIES = ['stop', 'rolling', 'keepSystem', 'summarise'] as const;
export type ContextPolicy = (typeof CONTEXT_POLICIES)[number];

/** The share of a context that a rolling window leaves for the answer, if the answer may be that long. */
const ANSWER_SHARE = 0.25;

/**
 * Tokens that a prompt may have. One place is the last token's own: its state would be the one after it. A rolling window
 * also leaves room for the answer, or the next one would have nowhere to go.
 */
export function promptRoom(policy: ContextPolicy, contextLength: number, maxTokens: number): number {
  const room = contextLength - 1;
  if (policy === 'stop') return room;
  return Math.max(1, room - Math.min(maxTokens, Math.floor(contextLength * ANSWER_SHARE)));
}

/** What of a conversation the model gets to read. */
export interface ContextCut {
  /** Turns from the beginning that are left out. */
  readonly droppedTurns: number;
  readonly droppedSystem: boolean;
}

interface CutOptions {
  readonly policy: ContextPolicy;
  /** Roles of the turns, oldest first. */
  readonly roles: readonly string[];
  readonly hasSystem: boolean;
}

/**
 * The ways to shorten a conversation, the mildest first; the first one leaves nothing out. What remains always begins with
 * a user's turn, since templates ask for it, and the last question always remains.
 */
export function contextCuts({ policy, roles, hasSystem }: CutOptions): ContextCut[] {
  const whole: ContextCut = { droppedTurns: 0, droppedSystem: false };
  if (policy === 'stop') return [whole];
  const droppedSystem = policy === 'rolling' && hasSystem;
  const later = roles.flatMap((role, index) => (index > 0 && role === 'user' ? [{ droppedTurns: index, droppedSystem }] : []));
  return [whole, ...(droppedSystem ? [{ droppedTurns: 0, droppedSystem }] : []), ...later];
}

/**
 * The mildest cut whose prompt fits, found by halving: each leaves out more than the one before. Null where none fits.
 * @param tokensOf what a prompt cut so takes; it is asked about log2 of the number of cuts
 */
export async function mildestFit<C, T>(
  cuts: readonly C[],
  room: number,
  tokensOf: (cut: C) => Promise<{ readonly tokens: number; readonly prompt: T }>,
): Promise<{ readonly cut: C; readonly prompt: T } | null> {
  let low = 0;
  let high = cuts.length;
  let best: { readonly cut: C; readonly prompt: T } | null = null;
  // Most conversations fit whole.
  let probe = 0;
  while (low < high) {
    const cut = cuts[probe];
    if (cut === undefined) break;
    const { tokens, prompt } = await tokensOf(cut);
    if (tokens <= room) {
      best = { cut, prompt };
      high = probe;
    } else low = probe + 1;
    probe = low + Math.floor((high - low) / 2);
  }
  return best;
}
