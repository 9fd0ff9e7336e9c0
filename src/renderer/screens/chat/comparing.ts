import { create } from 'zustand';

interface Comparing {
  readonly threadId: string;
  /** The answer that others are laid beside. */
  readonly messageId: string;
}

/**
 * The answer that is being compared. Beside the list of turns, not in one of them: as soon as another answer is begun, it takes the place of
 * the one that it is compared with.
 */
export const useComparing = create<{ readonly open: Comparing | null }>(() => ({ open: null }));

export const compare = (threadId: string, messageId: string): void => useComparing.setState({ open: { threadId, messageId } });
export const leaveComparing = (): void => useComparing.setState({ open: null });
