type Dropped = Pick<DataTransfer, 'getData'> & { readonly types: readonly string[] };

/** Whether something is dragged that a model can be found by. */
export const hasDroppable = ({ types }: Pick<Dropped, 'types'>): boolean => types.includes('Files') || types.includes('text/uri-list');

/**
 * The path of what was dropped, where the browser tells: file managers give addresses, but browsers keep the paths of
 * files to themselves. Undefined then, and the user types it.
 */
export function droppedPath(data: Dropped): string | undefined {
  const address = data
    .getData('text/uri-list')
    .split(/\r?\n/)
    .find((line) => line.startsWith('file:'));
  if (address === undefined) return undefined;
  try {
    const path = decodeURIComponent(new URL(address).pathname);
    // `/C:/models` is how an address writes a Windows path.
    return /^\/[a-z]:/i.test(path) ? path.slice(1).replaceAll('/', '\\') : path;
  } catch {
    return undefined;
  }
}
