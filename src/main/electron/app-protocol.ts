import { readFile } from 'node:fs/promises';
import { findFile, type StaticFiles } from '../http/files.ts';
import { securityHeaders } from '../http/rules.ts';

/**
 * The desktop's pages have an origin of their own. Under `file:` every file of the disk would share one, and headers such
 * as the content security policy could not be sent.
 */
export const APP_SCHEME = 'app';
export const APP_ORIGIN = `${APP_SCHEME}://lathe`;

/** To be registered before the app is ready: `standard` gives it an origin, `secure` counts it as safe as https. */
export const appSchemePrivileges = {
  scheme: APP_SCHEME,
  privileges: { standard: true, secure: true, supportFetchAPI: true },
};

/** Answer a request for a page's file, from the list of built files. */
export async function answerAppRequest(files: StaticFiles, request: { readonly method: string; readonly url: string }): Promise<Response> {
  const url = new URL(request.url);
  const headers = securityHeaders(null) as Record<string, string>;
  // `url.origin` is "null" for a scheme that only Electron knows, so the parts are compared.
  if (url.protocol !== `${APP_SCHEME}:` || url.host !== 'lathe') return new Response(null, { status: 403, headers });
  if (request.method !== 'GET') return new Response(null, { status: 405, headers });
  const file = findFile(files, url.pathname);
  if (file === undefined) return new Response(null, { status: 404, headers });
  return new Response(new Uint8Array(await readFile(file.path)), { headers: { ...headers, 'Content-Type': file.mediaType } });
}

/** Whether an address is one of Lathe's own pages. */
export function isOwnPage(address: string): boolean {
  return address === APP_ORIGIN || address.startsWith(`${APP_ORIGIN}/`);
}
