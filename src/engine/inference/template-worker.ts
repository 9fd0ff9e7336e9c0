import { parentPort } from 'node:worker_threads';
import { toErrorData, type AppErrorData } from '#core/errors/index.ts';
import { renderChat, type Conversation, type TemplateTokens } from './chat-template.ts';

/** The thread in which templates run, so that they can be stopped. It holds nothing between two of them. */

export interface TemplateRequest {
  readonly source: string;
  readonly conversation: Conversation;
  readonly tokens: TemplateTokens;
}
export type TemplateReply = { readonly text: string } | { readonly error: AppErrorData };

parentPort?.on('message', ({ source, conversation, tokens }: TemplateRequest) => {
  let reply: TemplateReply;
  try {
    reply = { text: renderChat(source, conversation, tokens) };
  } catch (error) {
    reply = { error: toErrorData(error) };
  }
  parentPort?.postMessage(reply);
});

// The code is loaded: from here on, time is the template's.
parentPort?.postMessage('ready');
