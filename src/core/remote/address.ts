import { AppError } from '../errors/index.ts';

/** How far away an engine is, as far as its name tells: this computer, a private network, or anywhere. */
export type RemoteReach = 'loopback' | 'private' | 'public';

export interface RemoteAddress {
  /** The base URL, without a stroke at its end. */
  readonly base: string;
  /** Name and port. */
  readonly host: string;
  readonly reach: RemoteReach;
  readonly isEncrypted: boolean;
}

/** Longer than any address that somebody gave an engine. */
export const MAX_ADDRESS_LENGTH = 2048;

const bad = (problem: string): AppError => new AppError('remote.badAddress', { problem });

/**
 * The address of an OpenAI-compatible engine as people write it: without a path it means `/v1`, and the path of one endpoint means the
 * base before it. Throws `remote.badAddress`.
 */
export function readAddress(text: string): RemoteAddress {
  const written = text.trim();
  if (written.length > MAX_ADDRESS_LENGTH) throw bad('it is too long');
  let url: URL;
  try {
    url = new URL(written);
  } catch {
    throw bad(written.includes('://') ? 'it cannot be read' : 'it does not begin with https:// or http://');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw bad('it does not begin with https:// or http://');
  // They would stand in the list, in logs of proxies, and in errors.
  if (url.username !== '' || url.password !== '') throw bad('a name and password have no place in it; there is a field for the key');
  if (url.search !== '' || url.hash !== '') throw bad('it has a part after ? or #');
  const path = withoutEnd(withoutEnd(url.pathname).replace(/\/(chat\/completions|completions|models|embeddings)$/, ''));
  return {
    base: `${url.origin}${path === '' ? '/v1' : path}`,
    host: url.host,
    reach: reachOf(url.hostname),
    isEncrypted: url.protocol === 'https:',
  };
}

const withoutEnd = (path: string): string => path.replace(/\/+$/, '');

/** Plain http over other people's networks: only where the user says so. */
export const needsConsent = ({ reach, isEncrypted }: RemoteAddress): boolean => reach === 'public' && !isEncrypted;

/** Of a host as `URL` writes it: IPv4 in four decimal parts, IPv6 in brackets, names in small letters. */
function reachOf(host: string): RemoteReach {
  const name = host.replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]') return 'loopback';
  const parts = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(name);
  if (parts !== null) {
    const [first, second] = [Number(parts[1]), Number(parts[2])];
    if (first === 127) return 'loopback';
    // RFC 1918, and RFC 3927 for link-local addresses.
    const isPrivate =
      first === 10 ||
      (first === 172 && second >= 16 && second <= 31) ||
      (first === 192 && second === 168) ||
      (first === 169 && second === 254);
    return isPrivate ? 'private' : 'public';
  }
  // RFC 4193 and RFC 4291, section 2.5.6.
  if (name.startsWith('[')) return /^\[f([cd]|e[89ab])/.test(name) ? 'private' : 'public';
  // A name without dots is one of the own network; `.local` is RFC 6762's, `.internal` ICANN's for private use, `.home.arpa` RFC 8375's.
  return !name.includes('.') || /\.(local|internal|home\.arpa)$/.test(name) ? 'private' : 'public';
}
