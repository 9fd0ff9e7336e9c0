import type { AppHandlers } from '#contract/index.ts';
import type { Message, Thread, TokenChoice } from '#contract/chat.ts';
import { turnsTo } from '#core/chat/thread.ts';
import { AppError } from '#core/errors/index.ts';

type Chat = AppHandlers['chat'];

/** What the stand-in keeps of its conversations. */
export interface FakeChatStore {
  threads(): readonly Thread[];
  threadOf(id: string): Thread;
  messagesOf(threadId: string): readonly Message[];
  setMessages(threadId: string, messages: readonly Message[]): void;
  saveThread(thread: Thread): Thread;
  /** Another id each time. */
  newId(): string;
}

/** A word is four letters long, as tokens are said to be. */
const tokensIn = (text: string): number => Math.ceil(text.length / 4);
const CONTEXT_LENGTH = 8192;

/** A token that was likely, with two that could have stood there. */
export const fakeToken = (text: string): TokenChoice => {
  const choices = [text, ' perhaps', '\n'].map((each, index) => ({
    text: each,
    bytes: [],
    logprob: Math.log([0.6, 0.3, 0.05][index] ?? 0.01),
  }));
  return { text, bytes: [], logprob: Math.log(0.6), top: choices };
};

/** The part of the stand-in's conversations that needs no model. */
export function fakeChat(store: FakeChatStore) {
  const templates = new Map<string, string>();
  const taken = new Map<string, readonly Message[]>();
  const messageOf = (threadId: string, id: string): Message => {
    const message = store.messagesOf(threadId).find((each) => each.id === id);
    if (message === undefined) throw new AppError('chat.unknownMessage', {});
    return message;
  };
  return {
    editMessage: ({ threadId, messageId, text }) => {
      const old = messageOf(threadId, messageId);
      const facts = old.facts === null ? null : { ...old.facts, isEdited: true };
      const message = { ...old, id: store.newId(), text, facts, createdMs: Date.now() };
      store.setMessages(threadId, [...store.messagesOf(threadId), message]);
      return message;
    },
    tokens: ({ threadId, messageId }) => {
      const { facts, text } = messageOf(threadId, messageId);
      const said = text.replace(/^You said: /, '');
      return { tokens: facts?.hasTokens === true ? ['You ', 'said: ', said].map(fakeToken) : null };
    },
    removeMessage: ({ threadId, messageId }) => {
      const all = store.messagesOf(threadId);
      const gone = new Set([messageId]);
      for (const { id, parentId } of all) if (parentId !== null && gone.has(parentId)) gone.add(id);
      taken.set(messageId, all);
      store.setMessages(
        threadId,
        all.filter(({ id }) => !gone.has(id)),
      );
      return {};
    },
    restoreMessage: ({ threadId, messageId }) => {
      store.setMessages(threadId, taken.get(messageId) ?? []);
      store.saveThread(store.threadOf(threadId));
      return {};
    },
    prompt: ({ threadId, parentId, text, systemPrompt, sampling }) => {
      const turns = threadId === null ? [] : turnsTo(store.messagesOf(threadId), parentId);
      const said = [
        ...((systemPrompt ?? '') === '' ? [] : [{ role: 'system' as const, text: systemPrompt ?? '' }]),
        ...turns,
        ...(text === '' ? [] : [{ role: 'user' as const, text }]),
      ];
      const write = (kept: typeof said): string =>
        `${kept.map((turn) => `<|im_start|>${turn.role}\n${turn.text}<|im_end|>\n`).join('')}<|im_start|>assistant\n`;
      const whole = tokensIn(write(said));
      // A text that says so is too long.
      const isLong = text.includes('very long');
      const rolls = isLong && sampling?.contextPolicy !== 'stop' && turns.length > 2;
      return {
        text: write(said),
        specialTokens: ['<|im_start|>', '<|im_end|>'],
        promptTokens: isLong && !rolls ? CONTEXT_LENGTH + 1200 : whole,
        contextLength: CONTEXT_LENGTH,
        summarisedTurns: 0,
        droppedTurns: rolls ? 2 : 0,
        droppedSystem: false,
        fits: !isLong || rolls,
      };
    },
    search: ({ query }) =>
      store.threads().flatMap(({ id: threadId, title }) =>
        store.messagesOf(threadId).flatMap(({ id: messageId, role, text, createdMs }) => {
          const at = text.toLowerCase().indexOf(query.toLowerCase());
          const end = at + query.length;
          const excerpt: [string, string, string] = [text.slice(Math.max(0, at - 20), at), text.slice(at, end), text.slice(end, end + 60)];
          return at < 0 ? [] : [{ threadId, title, messageId, role, createdMs, excerpt }];
        }),
      ),
    renameFolder: ({ from, to }) => {
      for (const thread of store.threads()) if (thread.folder === from) store.saveThread({ ...thread, folder: to });
      return {};
    },
    save: ({ threadId, format }) => ({ name: `chat.${format === 'json' ? 'json' : 'md'}`, text: store.threadOf(threadId).title }),
    open: ({ name, text }) => {
      if (!text.startsWith('{')) throw new AppError('chat.unreadable', { name, problem: 'it is neither JSON nor Markdown' });
      const [first] = store.threads();
      if (first === undefined) throw new AppError('chat.unknownThread', {});
      return store.saveThread({ ...first, id: store.newId(), title: name });
    },
    template: ({ modelId }) => ({ override: templates.get(modelId) ?? null }),
    setTemplate: ({ modelId, source }) => {
      if (source?.includes('range(') === true) throw new AppError('chat.templateTooSlow', { limitMs: 5000 });
      if (source === null) templates.delete(modelId);
      else templates.set(modelId, source);
      return { override: source };
    },
    checkFormat: ({ format }) => {
      if (format.type === 'grammar' && !format.grammar.includes('root'))
        throw new AppError('chat.badGrammar', { problem: 'no rule "root"' });
      return {};
    },
  } satisfies Partial<Chat>;
}
