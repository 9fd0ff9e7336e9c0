import { AppError } from '#core/errors/index.ts';
import { lossMask, type TextSpan } from '#core/training/loss-mask.ts';
import { trainedTokens, type TokenSample } from '#core/training/rows.ts';
import type { Message, Sample } from '#core/training/samples.ts';
import type { TrainedRole, TrainingSettings } from '#core/training/settings.ts';
import type { DataProblem } from '#contract/training.ts';
import type { TemplateRunner } from '../inference/template-runner.ts';
import { nameOf, templateOf, type SampleVocabulary } from './vocabulary.ts';

/** A sample, or a part of a long text, as tokens. */
export interface EncodedSample extends TokenSample {
  readonly line: number;
  /** Tokens of it that `max_length` took away. */
  readonly cutTokens: number;
  /** The text of its tokens, run by run. */
  pieces(): { readonly text: string; readonly trained: boolean }[];
}

/** A text, and which of its characters are trained. */
interface SampleText {
  readonly text: string;
  readonly trained: readonly TextSpan[];
  readonly isTemplate: boolean;
  /** Whether the token of the end follows, and is trained. */
  readonly end: 'none' | 'trained' | 'untrained';
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface SampleEncoder {
  /** One sample, or the parts of a long text; or why it cannot be used: `chat.templateFailed` where the template says so. Throws `chat.templateTooSlow` and what is not the sample's fault. */
  encode(sample: Sample): Promise<readonly EncodedSample[] | DataProblem['kind'] | AppError>;
}

/** Turns samples into tokens: by the model's template, with the mask by the tokenizer's offsets. */
export function sampleEncoder(vocabulary: SampleVocabulary, settings: TrainingSettings, templates: TemplateRunner): SampleEncoder {
  const { max_length: maxLength, train_on_roles: roles, chat_template } = settings;
  const trains = (role: TrainedRole): boolean => roles.includes(role);

  const render = (messages: readonly Message[], opensAnswer: boolean): Promise<string> => {
    const [first, ...rest] = messages;
    const [system, turns] = first?.role === 'system' ? [first.content, rest] : ['', messages];
    return templates.render({
      source: templateOf(vocabulary, chat_template),
      conversation: { systemPrompt: system, turns: turns.map(({ role, content }) => ({ role, text: content })), opensAnswer },
      tokens: vocabulary.names,
    });
  };
  /** Some templates refuse a part of a conversation, though not the whole. */
  const renderPart = (messages: readonly Message[], opensAnswer: boolean): Promise<string | null> =>
    messages.length === 0 && !opensAnswer
      ? Promise.resolve('')
      : render(messages, opensAnswer).catch((error: unknown) => {
          if (error instanceof AppError && error.code === 'chat.templateFailed') return null;
          throw error;
        });

  /**
   * What a template makes of a turn is what it adds to the text when the turn is added to the conversation; of an answer, what follows
   * where a prompt would end. Turns that a template changes in hindsight are not trained.
   */
  const conversation = async (messages: readonly Message[]): Promise<SampleText> => {
    const text = await render(messages, false);
    const trained: TextSpan[] = [];
    for (const [index, { role, content, weight }] of messages.entries()) {
      if (!trains(role) || weight === 0) continue;
      const before = await renderPart(messages.slice(0, index), role === 'assistant');
      const after = index === messages.length - 1 ? text : await renderPart(messages.slice(0, index + 1), false);
      if (before === null || after === null || !after.startsWith(before) || !text.startsWith(after)) continue;
      // A line break that a template puts behind the mark of a turn's end is nobody's words.
      const words = after.slice(before.length);
      const kept = content.trimEnd() === content ? words.trimEnd() : words;
      if (kept !== '') trained.push({ start: before.length, end: before.length + kept.length });
    }
    return { text, trained, isTemplate: true, end: 'none' };
  };

  const textOf = (sample: Sample): Promise<SampleText> | SampleText => {
    if (sample.kind === 'messages') return conversation(sample.messages);
    if (sample.kind === 'text')
      return { text: sample.text, trained: [{ start: 0, end: sample.text.length }], isTemplate: false, end: 'trained' };
    const { prompt, completion } = sample;
    const parts = [
      { start: 0, end: prompt.length, role: 'user' as const },
      { start: prompt.length, end: prompt.length + completion.length, role: 'assistant' as const },
    ];
    const trained = parts.filter(({ role, start, end }) => trains(role) && end > start);
    return { text: prompt + completion, trained, isTemplate: false, end: trains('assistant') ? 'trained' : 'untrained' };
  };

  const encodeText = (
    line: number,
    { text, trained, isTemplate, end }: SampleText,
  ): TokenSample & { spans: TextSpan[]; bytes: Uint8Array } => {
    const tokenized = vocabulary.tokenize(text, isTemplate);
    if (tokenized === null) throw new AppError('train.otherTokens', { line });
    const bytesBefore = (at: number): number => encoder.encode(text.slice(0, at)).length;
    const mask = lossMask(
      tokenized.spans,
      trained.map((span) => ({ start: bytesBefore(span.start), end: bytesBefore(span.end) })),
    );
    const bytes = encoder.encode(text);
    const none = (at: number): TextSpan => ({ start: at, end: at });
    const begins = vocabulary.begin !== null && tokenized.ids[0] !== vocabulary.begin ? [vocabulary.begin] : [];
    const ends = end !== 'none' && vocabulary.end !== null ? [vocabulary.end] : [];
    return {
      tokens: Int32Array.from([...begins, ...tokenized.ids, ...ends]),
      mask: Uint8Array.from([...begins.map(() => 0), ...mask, ...ends.map(() => (end === 'trained' ? 1 : 0))]),
      spans: [...begins.map(() => none(0)), ...tokenized.spans, ...ends.map(() => none(bytes.length))],
      bytes,
    };
  };

  return {
    encode: async (sample) => {
      try {
        const { tokens, mask, spans, bytes } = encodeText(sample.line, await textOf(sample));
        const part = (from: number, to: number, cutTokens: number): EncodedSample => ({
          line: sample.line,
          cutTokens,
          tokens: tokens.slice(from, to),
          mask: mask.slice(from, to),
          pieces: () => piecesOf(vocabulary, { tokens, mask, spans, bytes }, from, to),
        });
        const parts: EncodedSample[] = [];
        // A text goes on in the next row; an answer without its end would teach the model to break off there.
        if (sample.kind === 'text')
          for (let at = 0; at < tokens.length; at += maxLength) parts.push(part(at, Math.min(tokens.length, at + maxLength), 0));
        else parts.push(part(0, Math.min(tokens.length, maxLength), Math.max(0, tokens.length - maxLength)));
        const useful = parts.filter((each) => trainedTokens(each) > 0);
        return useful.length === 0 ? 'nothingTrained' : useful;
      } catch (error) {
        if (error instanceof AppError && error.code === 'chat.templateFailed') return error;
        if (error instanceof AppError && error.code === 'tokenizer.unsupportedText') return 'unsupportedText';
        throw error;
      }
    },
  };
}

interface Encoded extends TokenSample {
  readonly spans: readonly TextSpan[];
  readonly bytes: Uint8Array;
}

function piecesOf(vocabulary: SampleVocabulary, { tokens, mask, spans, bytes }: Encoded, from: number, to: number) {
  const pieces: { text: string; trained: boolean }[] = [];
  const pending: number[] = [];
  let current = false;
  let at = 0;
  const flush = (): void => {
    if (pending.length > 0) pieces.push({ text: decoder.decode(Uint8Array.from(pending)), trained: current });
    pending.length = 0;
  };
  for (let i = from; i < to; i++) {
    const trained = mask[i] === 1;
    if (trained !== current) flush();
    current = trained;
    const { start = 0, end = 0 } = spans[i] ?? {};
    const own = start === end ? encoder.encode(nameOf(vocabulary, tokens[i] ?? -1)) : bytes.subarray(Math.max(at, start), end);
    pending.push(...own);
    at = end;
  }
  flush();
  return pieces;
}
