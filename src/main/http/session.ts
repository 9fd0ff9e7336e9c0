import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 bits: nobody guesses it, with or without a limit on attempts. */
const SECRET_BYTES = 32;
/** Wrong tokens that are looked at within a window. A person mistypes a link a few times; more is a program. */
const MAX_ATTEMPTS = 10;
const ATTEMPT_WINDOW_MS = 60_000;

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
/** Compared as digests of one length, in a time that does not depend on where they differ. */
export const isEqual = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

export type Exchange = { readonly cookie: string } | { readonly refused: 'wrong' | 'tooMany' };

export interface Session {
  /** The secret of the printed address. */
  readonly token: string;
  /** The token against a cookie; only so many wrong ones within a minute. */
  exchange(token: unknown): Exchange;
  /** Whether a request's Cookie header holds the session's cookie. */
  isHolder(cookieHeader: string | undefined): boolean;
}

/**
 * One session for the life of the server. The token stands in the fragment of the printed address, which browsers do not
 * send; the page trades it for a cookie that no script can read and no other site's request carries.
 */
export function createSession(port: number, nowMs: () => number = Date.now): Session {
  const token = randomBytes(SECRET_BYTES).toString('base64url');
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  // Browsers do not tell ports apart when they choose cookies; the name does.
  const name = `lathe-${port}`;
  let wrong: number[] = [];

  return {
    token,
    exchange: (given) => {
      wrong = wrong.filter((timeMs) => timeMs > nowMs() - ATTEMPT_WINDOW_MS);
      if (wrong.length >= MAX_ATTEMPTS) return { refused: 'tooMany' };
      if (typeof given !== 'string' || !isEqual(given, token)) {
        wrong.push(nowMs());
        return { refused: 'wrong' };
      }
      return { cookie: `${name}=${secret}; Path=/; HttpOnly; SameSite=Strict` };
    },
    isHolder: (header) =>
      (header ?? '').split(';').some((pair) => {
        const [key, value] = pair.trim().split('=', 2);
        return key === name && value !== undefined && isEqual(value, secret);
      }),
  };
}
