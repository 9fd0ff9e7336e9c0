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
  'chat.templateTooSlow': {
    what: 'The chat template of this model was stopped after {limitMs}.',
    safe: 'Your message is kept, and nothing else was affected.',
    next: 'The template is faulty or hostile. Let the model continue your text instead, or use another copy of the model.',
  },
  'chat.templateTooLarge': {
    what: 'The chat template of this model was stopped when it took more than {limitBytes} of memory.',
    safe: 'Your message is kept, and nothing else was affected.',
    next: 'The template is faulty or hostile. Let the model continue your text instead, or use another copy of the model.',
  },
  'chat.badGrammar': {
    what: 'The grammar cannot be used: {problem}.',
    safe: 'Your message is kept.',
    next: 'Correct it. The rule named "root" is where an answer begins.',
  },
  'chat.badSchema': {
    what: 'The JSON schema cannot be used: {problem}.',
    safe: 'Your message is kept.',
    next: 'Leave that part out, or write it in another way.',
  },
  'chat.formatUnreachable': {
    what: 'The vocabulary of this model cannot write every character, so it cannot be held to a grammar or schema.',
    safe: 'Your message is kept.',
    next: 'Ask without a grammar, or use another model.',
  },
  'chat.unreadable': {
    what: '{name} is no conversation that Lathe can read: {problem}.',
    safe: 'Your conversations are as they were.',
    next: 'Choose a file that was exported from Lathe, or JSON with "messages" or "conversations".',
  },
  'chat.unknownTool': {
    what: 'The function "{name}" is not one that Lathe can carry out.',
    safe: 'Nothing was called.',
    next: 'Write its result yourself, or refuse the call.',
  },
  'chat.noEmbedding': {
    what: 'This model gives no embedding of the text: {problem}.',
    safe: 'Nothing was changed.',
    next: 'Use another model, or a shorter text.',
  },
} as const satisfies Record<string, ErrorText>;
