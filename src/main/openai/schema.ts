import { z } from 'zod';
import { answerFormat, MAX_MIXED_ADAPTERS, MIXED_SCALE_LIMIT, sampling as samplingSchema, tool, type Sampling } from '#contract/chat.ts';
import { MAX_STOP_LENGTH, MAX_STOP_STRINGS, MAX_TOP_LOGPROBS, SAMPLING_PARAMETERS } from '#core/sampling/parameters.ts';
import { firstProblem } from '#contract/wire.ts';
import { ApiError } from './errors.ts';

/** What may be asked, in OpenAI's words, with llama.cpp's and vLLM's names for the settings that OpenAI has not. */

/** Answers to one request. They are made one after the other. */
const MAX_ANSWERS = 16;
const MAX_TEXTS = 256;
const MAX_MESSAGES = 4096;
const MAX_TOOLS = 128;

const number = (name: keyof typeof SAMPLING_PARAMETERS) => {
  const { min, max, integer } = SAMPLING_PARAMETERS[name];
  return (integer ? z.int() : z.number()).min(min).max(max).nullish();
};

const samplingFields = {
  temperature: number('temperature'),
  top_p: number('topP'),
  top_k: number('topK'),
  min_p: number('minP'),
  xtc_probability: number('xtcProbability'),
  xtc_threshold: number('xtcThreshold'),
  repeat_penalty: number('repeatPenalty'),
  repeat_last_n: number('repeatLastN'),
  presence_penalty: number('presencePenalty'),
  frequency_penalty: number('frequencyPenalty'),
  /** As transformers names it. */
  no_repeat_ngram_size: number('noRepeatNgram'),
  dry_multiplier: number('dryStrength'),
  dry_base: number('dryBase'),
  dry_allowed_length: number('dryAllowedLength'),
  max_tokens: number('maxTokens'),
  seed: z.int().min(0).max(0xffff_ffff).nullish(),
  stop: z.union([z.string().max(MAX_STOP_LENGTH), z.array(z.string().min(1).max(MAX_STOP_LENGTH)).max(MAX_STOP_STRINGS)]).nullish(),
  n: z.int().min(1).max(MAX_ANSWERS).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  grammar: z.string().nullish(),
  context_policy: samplingSchema.shape.contextPolicy.unwrap().nullish(),
  /** Lathe's own: LoRA adapters of the library beside the weights, in this order, for this request alone. */
  adapters: z
    .array(
      z.object({
        /** Its name or id in the library. */
        name: z.string().min(1).max(1024),
        scale: z.number().min(-MIXED_SCALE_LIMIT).max(MIXED_SCALE_LIMIT).default(1),
      }),
    )
    .max(MAX_MIXED_ADAPTERS)
    .nullish(),
  // What would change the answer and is not there is refused rather than left out.
  logit_bias: z
    .record(z.string(), z.number())
    .refine((bias) => Object.keys(bias).length === 0, 'is not supported')
    .nullish(),
};

const content = z.union([z.string(), z.array(z.object({ type: z.literal('text', 'only text is supported'), text: z.string() }))]);
const messages = z
  .array(
    z.discriminatedUnion('role', [
      z.object({ role: z.enum(['system', 'developer']), content }),
      z.object({ role: z.literal('user'), content }),
      z.object({
        role: z.literal('assistant'),
        content: content.nullish(),
        tool_calls: z
          .array(z.object({ id: z.string(), type: z.literal('function'), function: z.object({ name: z.string(), arguments: z.string() }) }))
          .nullish(),
      }),
      z.object({ role: z.literal('tool'), content, tool_call_id: z.string() }),
    ]),
  )
  .min(1)
  .max(MAX_MESSAGES);

const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({ type: z.literal('json_schema'), json_schema: z.object({ name: z.string(), schema: z.record(z.string(), z.unknown()) }) }),
]);

const model = z.string().min(1).max(1024);
const absent = z.undefined('is not supported; use tools').optional();

export const chatRequest = z.object({
  ...samplingFields,
  model,
  messages,
  max_completion_tokens: number('maxTokens'),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(MAX_TOP_LOGPROBS).nullish(),
  response_format: responseFormat.nullish(),
  tools: z
    .array(z.object({ type: z.literal('function'), function: tool }))
    .max(MAX_TOOLS)
    .nullish(),
  tool_choice: z
    .union([z.enum(['none', 'auto', 'required']), z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) })])
    .nullish(),
  functions: absent,
  function_call: absent,
});
export type ChatRequest = z.output<typeof chatRequest>;

export const completionRequest = z.object({
  ...samplingFields,
  model,
  prompt: z.union([z.string(), z.array(z.string()).min(1).max(MAX_TEXTS)]),
  logprobs: z.int().min(0).max(MAX_TOP_LOGPROBS).nullish(),
  echo: z.literal(false, 'is not supported').nullish(),
  suffix: z.null('is not supported').optional(),
  best_of: z.literal(1, 'is not supported').nullish(),
});
export type CompletionRequest = z.output<typeof completionRequest>;

export const embeddingRequest = z.object({
  model,
  input: z.union([z.string().min(1), z.array(z.string().min(1)).min(1).max(MAX_TEXTS)]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.undefined('is not supported').optional(),
});

/** A body as what a schema says it is. Throws the error that names the wrong field. */
export function parse<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const param = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
  throw new ApiError(400, 'invalid_value', firstProblem(parsed.error), { param: param === '' ? null : param });
}

/** A text that may come in parts. */
export const textOf = (value: z.output<typeof content> | null | undefined): string =>
  value === null || value === undefined ? '' : typeof value === 'string' ? value : value.map(({ text }) => text).join('');

type Fields = Pick<ChatRequest, Exclude<keyof typeof samplingFields, 'n' | 'stream' | 'stream_options' | 'adapters'>>;

/** OpenAI's defaults where the request says nothing: the model's own distribution, until the context is full. */
export function samplingOf(
  request: Fields,
  format: Sampling['format'],
  topLogprobs: number | undefined,
  maxTokens?: number | null,
): Sampling {
  const { stop, grammar } = request;
  if (typeof grammar === 'string' && format !== undefined)
    throw new ApiError(400, 'invalid_value', 'a grammar and another format cannot both be kept', { param: 'grammar' });
  const wanted = typeof grammar === 'string' ? answerFormat.parse({ type: 'grammar', grammar }) : format;
  const value = (given: number | null | undefined, otherwise: number): number => given ?? otherwise;
  const { standard: dryBase } = SAMPLING_PARAMETERS.dryBase;
  return {
    temperature: value(request.temperature, 1),
    topP: value(request.top_p, 1),
    topK: value(request.top_k, 0),
    minP: value(request.min_p, 0),
    xtcProbability: value(request.xtc_probability, 0),
    xtcThreshold: value(request.xtc_threshold, SAMPLING_PARAMETERS.xtcThreshold.standard),
    repeatPenalty: value(request.repeat_penalty, 1),
    repeatLastN: value(request.repeat_last_n, SAMPLING_PARAMETERS.repeatLastN.standard),
    presencePenalty: value(request.presence_penalty, 0),
    frequencyPenalty: value(request.frequency_penalty, 0),
    noRepeatNgram: value(request.no_repeat_ngram_size, 0),
    dryStrength: value(request.dry_multiplier, 0),
    dryBase: value(request.dry_base, dryBase),
    dryAllowedLength: value(request.dry_allowed_length, SAMPLING_PARAMETERS.dryAllowedLength.standard),
    maxTokens: maxTokens ?? request.max_tokens ?? SAMPLING_PARAMETERS.maxTokens.max,
    seed: request.seed ?? null,
    contextPolicy: request.context_policy ?? 'stop',
    ...(stop === null || stop === undefined || stop === '' ? {} : { stop: typeof stop === 'string' ? [stop] : stop }),
    ...(wanted === undefined ? {} : { format: wanted }),
    ...(topLogprobs === undefined ? {} : { topLogprobs }),
  };
}
