import type { OutgoingHttpHeaders } from 'node:http';

/**
 * Who may talk to the server. It listens on the loopback interface, but every page that the user's browser has open can
 * send requests there, and a name that an attacker owns can be made to point there (DNS rebinding). So the names by which
 * it answers are listed, and whoever changes something must come from its own pages.
 */
const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/** Whether a request's Host header is one of the loopback names with the server's own port. */
export function isAllowedHost(host: string | undefined, port: number): host is string {
  return host !== undefined && LOOPBACK_NAMES.some((name) => host.toLowerCase() === `${name}:${port}`);
}

/** Whether a request comes from a page of this very server. A request without an Origin does not. */
export function isSameOrigin(origin: string | undefined, host: string): boolean {
  return origin === `http://${host}`;
}

/** The exact media type, with no parameter other than UTF-8: what a plain form cannot send and a page must declare. */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/json(\s*;\s*charset=utf-8)?$/i.test(contentType.trim());
}

/**
 * What a page of Lathe may do: run its own code, talk to its own server, and nothing else. A model's answer is shown as
 * Markdown; with this, an image in it cannot tell anyone that it was read. Mantine sets styles on elements, hence the one
 * exception.
 */
export function contentSecurityPolicy(connect: string): string {
  return [
    "default-src 'self'",
    `connect-src 'self' ${connect}`.trimEnd(),
    "img-src 'self' data:",
    "style-src 'self' 'unsafe-inline'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-src 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** Sent with every answer, also with refusals. */
export function securityHeaders(host: string | null): OutgoingHttpHeaders {
  return {
    'Content-Security-Policy': contentSecurityPolicy(host === null ? '' : `ws://${host}`),
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  };
}
