import type { ErrorText } from './text.ts';

/** Errors of conversations: which thread, which model. What the engine refuses stands in engine.ts. */
export const chatErrors = {
  'chat.unknownThread': {
    what: 'This conversation is no longer there.',
    safe: 'Other conversations are not affected.',
    next: 'Start a new one, or bring it back if you have just removed it.',
  },
  'chat.unknownMessage': {
    what: 'The message that this one should follow is no longer there.',
    safe: 'Your text is kept.',
    next: 'Send it again at the end of the conversation.',
  },
  'chat.noModel': {
    what: 'No model is chosen for this conversation.',
    safe: 'Your text is kept.',
    next: 'Choose a model, then send again.',
  },
  'chat.needsGguf': {
    what: 'Chat runs on GGUF files, and "{name}" is not one.',
    safe: 'Your text is kept.',
    next: 'Convert it to GGUF in the library, then chat with the result.',
  },
} as const satisfies Record<string, ErrorText>;
