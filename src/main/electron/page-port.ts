import type { Port } from '#contract/wire.ts';
import { electronMessagePort, type ElectronMessagePort } from '../ports.ts';
import { isOwnPage } from './app-protocol.ts';

/** The frame that a message to main came from; null when it is gone already. */
export interface SenderFrame<P> {
  readonly url: string;
  /** Null for the page itself; the embedding frame for one inside it. */
  readonly parent: unknown;
  postMessage(channel: string, message: unknown, transfer: P[]): void;
}

interface Inbox<P> {
  on(channel: string, listener: (event: { readonly senderFrame: SenderFrame<P> | null }) => void): unknown;
}

/**
 * Give each page of Lathe that asks one end of a channel, and its other end to `onPort`. A frame inside a page, or a page
 * that is not Lathe's, gets no answer.
 */
export function answerPages<P extends ElectronMessagePort>(
  inbox: Inbox<P>,
  makeChannel: () => { readonly port1: P; readonly port2: P },
  onPort: (port: Port) => void,
): void {
  inbox.on('lathe:port?', ({ senderFrame }) => {
    if (senderFrame === null || senderFrame.parent !== null || !isOwnPage(senderFrame.url)) return;
    const { port1, port2 } = makeChannel();
    onPort(electronMessagePort(port2));
    senderFrame.postMessage('lathe:port', null, [port1]);
  });
}
