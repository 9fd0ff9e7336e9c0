import { create } from 'zustand';

/** A layer over the screens. One at a time, except the palette's way of opening another one in its place. */
export type Dialog =
  | { readonly kind: 'palette' }
  | { readonly kind: 'shortcuts' }
  | { readonly kind: 'settings' }
  | { readonly kind: 'remote' }
  | { readonly kind: 'log' }
  | { readonly kind: 'add'; readonly path?: string | undefined }
  | { readonly kind: 'remove'; readonly modelId: string }
  | { readonly kind: 'rename'; readonly modelId: string };

interface Layers {
  readonly dialog: Dialog | null;
  readonly jobsOpen: boolean;
}

export const useLayers = create<Layers>(() => ({ dialog: null, jobsOpen: false }));

/** Whether a layer has the focus: a screen that comes up below it must not take it away. */
export const isCovered = (): boolean => useLayers.getState().dialog !== null || useLayers.getState().jobsOpen;

export const openDialog = (dialog: Dialog): void => useLayers.setState({ dialog });
export const closeDialog = (): void => useLayers.setState({ dialog: null });
export const toggleJobs = (): void => useLayers.setState(({ jobsOpen }) => ({ jobsOpen: !jobsOpen }));
export const openJobs = (): void => useLayers.setState({ jobsOpen: true });
export const closeJobs = (): void => useLayers.setState({ jobsOpen: false });
