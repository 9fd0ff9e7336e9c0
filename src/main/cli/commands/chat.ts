import { findAdapters } from '../adapters.ts';
import { createConversation } from '../conversation.ts';
import { defineCommand, type CommandContext } from '../command.ts';
import { findModel } from '../model.ts';
import { findEngine } from '../remote.ts';
import { printable } from '../text.ts';
import { definedOnly, numberOf, wholeNumberOf } from '../values.ts';

/** A second Ctrl+C within this time leaves. */
const LEAVE_WITHIN_MS = 2000;

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    system: { type: 'string', value: 'TEXT', help: 'system prompt' },
    tokens: { type: 'string', value: 'N', help: 'longest answer, in tokens (1024)' },
    temperature: { type: 'string', value: 'X', help: 'how freely tokens are chosen (0.8)' },
    seed: { type: 'string', value: 'N', help: 'the same seed gives the same answers' },
    remote: { type: 'string', value: 'NAME', help: 'ask a remote engine: MODEL is then one of its models' },
  },
  notes:
    'Each line is a message; /help tells what else can be typed. Ctrl+C stops the answer, and twice leaves. ' +
    'Through a pipe, each line of the input is answered. The conversation is kept: it stands in the app’s list.',
  run: async (context, [reference = ''], values) => {
    const sampling = definedOnly({
      maxTokens: wholeNumberOf('tokens', values.tokens, { min: 1, max: 1_000_000 }),
      temperature: numberOf('temperature', values.temperature, { min: 0, max: 5 }),
      seed: wholeNumberOf('seed', values.seed, { min: 0, max: 0xffff_ffff }),
    });
    const client = await context.client();
    const { name, model } = await answererOf(context, reference, values.remote);
    let answering: AbortController | undefined;
    let interruptedMs = Number.NEGATIVE_INFINITY;
    const interrupt = (): void => {
      const nowMs = performance.now();
      if (nowMs - interruptedMs < LEAVE_WITHIN_MS) return lines.close();
      interruptedMs = nowMs;
      if (answering === undefined) context.note('Ctrl+C again, or /quit, leaves.');
      answering?.abort();
    };
    const lines = context.lines(interrupt);
    const leave = (): void => {
      answering?.abort();
      lines.close();
    };
    context.signal.addEventListener('abort', leave, { once: true });
    const conversation = createConversation({
      client,
      model,
      systemPrompt: values.system ?? '',
      sampling,
      resolvePath: context.resolvePath,
      findAdapters: async (references) => (await findAdapters(context, references)).map((use) => ({ ...use, isOn: true })),
      say: context.live,
      progress: context.progress,
      note: context.note,
    });
    // Through a pipe too: that words leave this computer is not to be overlooked.
    if (lines.isTerminal || values.remote !== undefined) context.note(`${name}. /help tells what can be typed besides messages.`);
    try {
      for (;;) {
        const line = await lines.next('> ');
        if (line === null) break;
        answering = new AbortController();
        const goesOn = await conversation.take(line, answering.signal);
        answering = undefined;
        if (!goesOn) break;
      }
    } finally {
      lines.close();
      context.signal.removeEventListener('abort', leave);
    }
    context.signal.throwIfAborted();
    return { json: { ...model, messages: conversation.turns }, text: '' };
  },
});

/** What answers, and its name. */
async function answererOf(context: CommandContext, reference: string, remoteName: string | undefined) {
  if (remoteName === undefined) {
    const { id: modelId, name } = await findModel(context, reference);
    return { name, model: { modelId } };
  }
  const { id: engineId, name, host } = await findEngine(context, remoteName);
  return {
    name: `${printable(reference)} of ${printable(name)}, which is not this computer: what you write goes to ${host}`,
    model: { remote: { engineId, model: reference } },
  };
}
