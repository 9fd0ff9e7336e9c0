import { AppError } from '#core/errors/index.ts';
import { defineCommand } from '../command.ts';
import { findAdapters } from '../adapters.ts';
import { findModel } from '../model.ts';
import { printable } from '../text.ts';
import { definedOnly, numberOf, required, usage, wholeNumberOf } from '../values.ts';

export const command = defineCommand({
  args: ['MODEL'],
  options: {
    prompt: { type: 'string', value: 'TEXT', help: 'the text to continue, or the message with --chat' },
    adapter: {
      type: 'string',
      value: 'A[:SCALE]',
      multiple: true,
      help: 'a LoRA adapter beside the weights, at a strength (1); repeatable',
    },
    tokens: { type: 'string', value: 'N', help: 'longest answer, in tokens (1024)' },
    chat: { type: 'boolean', help: 'ask through the model’s chat template instead of continuing the text' },
    system: { type: 'string', value: 'TEXT', help: 'system prompt, with --chat' },
    greedy: { type: 'boolean', help: 'always the likeliest token: the same answer every time' },
    seed: { type: 'string', value: 'N', help: 'the same seed gives the same answer' },
    temperature: { type: 'string', value: 'X', help: 'how freely tokens are chosen (0.8)' },
    'top-k': { type: 'string', value: 'N', help: 'choose among the N likeliest tokens; 0: all (40)' },
    'top-p': { type: 'string', value: 'X', help: 'choose among the likeliest that together have probability X (0.95)' },
    'min-p': { type: 'string', value: 'X', help: 'leave out tokens below X times the likeliest one’s probability (0.05)' },
    'repeat-penalty': { type: 'string', value: 'X', help: 'make recent tokens less likely; 1: off (1)' },
  },
  run: async (context, [reference = ''], values) => {
    const prompt = required('prompt', values.prompt);
    if (values.system !== undefined && values.chat !== true) throw usage('--system needs --chat');
    if (values.greedy === true && values.temperature !== undefined) throw usage('--greedy and --temperature exclude each other');
    const sampling = definedOnly({
      maxTokens: wholeNumberOf('tokens', values.tokens, { min: 1, max: 1_000_000 }),
      temperature: values.greedy === true ? 0 : numberOf('temperature', values.temperature, { min: 0, max: 5 }),
      topK: wholeNumberOf('top-k', values['top-k'], { min: 0, max: 1_000_000 }),
      topP: numberOf('top-p', values['top-p'], { min: 0, max: 1 }),
      minP: numberOf('min-p', values['min-p'], { min: 0, max: 1 }),
      repeatPenalty: numberOf('repeat-penalty', values['repeat-penalty'], { min: 0.1, max: 5 }),
      seed: wholeNumberOf('seed', values.seed, { min: 0, max: 0xffff_ffff }),
    });
    const client = await context.client();
    const { id: modelId } = await findModel(context, reference);
    const input = {
      modelId,
      adapters: values.adapter === undefined ? [] : await findAdapters(context, values.adapter),
      prompt,
      sampling,
      mode: values.chat === true ? ('chat' as const) : ('text' as const),
      systemPrompt: values.system ?? '',
    };
    context.progress('loading the model…');
    for await (const event of client.chat.generate(input, { signal: context.signal })) {
      context.progress('');
      if (event.type === 'text') context.live(printable(event.text, 'lines'));
      else {
        const { facts, text } = event;
        const speed = facts.tokensPerSecond === null ? '' : `, ${facts.tokensPerSecond.toFixed(1)} tokens/s`;
        return { json: { text, ...facts }, text: `\n\n${facts.answerTokens} tokens${speed} (${facts.stopReason})` };
      }
    }
    throw new AppError('request.cancelled', {});
  },
});
