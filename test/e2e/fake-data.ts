import type { Message, Thread } from '#contract/chat.ts';
import { sampling } from '#contract/chat.ts';
import type { Model } from '#contract/library.ts';
import { GiB, MiB } from '#core/bytes.ts';

/** What the screens are shown with where no real program runs behind them: rich, and the same every time but for the clock. */

export const DAY_MS = 24 * 3600 * 1000;
export const now = Date.now();
export const hash = (seed: string): string =>
  [...seed]
    .reduce((text, letter) => text + (letter.codePointAt(0) ?? 0).toString(16), '')
    .padEnd(64, '0a1b2c3d4e5f')
    .slice(0, 64);

type Sketch = Partial<Omit<Model, 'facts'>> & {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly facts: Model['facts'];
};

const model = (sketch: Sketch): Model => ({
  kind: 'gguf',
  path: `/home/mira/models/${sketch.name}.gguf`,
  origin: 'link',
  fileCount: 1,
  state: { status: 'ready' },
  hash: { status: 'done', sha256: hash(sketch.id), hashedMs: now - DAY_MS },
  duplicateIds: [],
  tags: [],
  note: '',
  favourite: false,
  addedMs: now - 20 * DAY_MS,
  lastUsedMs: null,
  ...sketch,
});

const llama = {
  architecture: 'llama',
  layerCount: 32,
  embeddingLength: 4096,
  feedForwardLength: 14_336,
  headCount: 32,
  headCountKv: 8,
  vocabularySize: 128_256,
};

const smolFacts = {
  architecture: 'smollm3',
  parameterCount: 3_075_098_624,
  layerCount: 36,
  embeddingLength: 2048,
  headCount: 16,
  headCountKv: 4,
  vocabularySize: 128_256,
  contextLength: 65_536,
  tensorCount: 326,
  hasChatTemplate: true,
  licence: 'apache-2.0',
};

export const models: readonly Model[] = [
  model({
    id: 'qwen7',
    name: 'Qwen2.5 7B Instruct',
    sizeBytes: Math.round(4.36 * GiB),
    favourite: true,
    tags: ['daily'],
    note: 'Good at code. Answers best below temperature 0.7.',
    lastUsedMs: now - 4 * 60_000,
    duplicateIds: ['qwen7copy'],
    facts: {
      architecture: 'qwen2',
      parameterCount: 7_615_616_512,
      layerCount: 28,
      embeddingLength: 3584,
      feedForwardLength: 18_944,
      headCount: 28,
      headCountKv: 4,
      vocabularySize: 152_064,
      contextLength: 131_072,
      quantization: 'Q4_K_M',
      tensorCount: 339,
      bytesByType: { Q4_K: Math.round(3.2 * GiB), Q6_K: Math.round(1.1 * GiB), F32: Math.round(1.4 * MiB) },
      tokenizerModel: 'gpt2',
      hasChatTemplate: true,
      licence: 'apache-2.0',
    },
  }),
  model({
    id: 'llama8',
    name: 'Llama 3.1 8B Instruct',
    sizeBytes: Math.round(7.95 * GiB),
    lastUsedMs: now - 2 * DAY_MS,
    tags: ['daily', 'english'],
    facts: {
      ...llama,
      parameterCount: 8_030_261_312,
      contextLength: 131_072,
      quantization: 'Q8_0',
      hasChatTemplate: true,
      licence: 'llama3.1',
    },
  }),
  model({
    id: 'smol',
    name: 'SmolLM3 3B',
    kind: 'hf',
    path: '/home/mira/models/SmolLM3-3B',
    fileCount: 9,
    sizeBytes: Math.round(5.73 * GiB),
    addedMs: now - 3600_000,
    facts: { ...smolFacts, quantization: 'BF16', tokenizerModel: 'BPE' },
  }),
  ...(
    [
      ['smolq4', 'SmolLM3 3B Q4_K_M', 1.79, 'Q4_K_M'],
      ['smolq5', 'SmolLM3 3B Q5_K_M', 2.06, 'Q5_K_M'],
      ['smolq8', 'SmolLM3 3B Q8_0', 3.05, 'Q8_0'],
      ['smolgptq', 'SmolLM3 3B GPTQ 4-bit', 1.98, 'GPTQ 4-bit g128'],
    ] as const
  ).map(([id, name, gib, quantization]) =>
    model({
      id,
      name,
      kind: id === 'smolgptq' ? 'gptq' : 'gguf',
      origin: 'made',
      sizeBytes: Math.round(gib * GiB),
      addedMs: now - 40 * 60_000,
      facts: { ...smolFacts, quantization },
    }),
  ),
  model({
    id: 'gemma',
    name: 'gemma-3-4b-it',
    sizeBytes: Math.round(2.32 * GiB),
    lastUsedMs: now - 9 * DAY_MS,
    facts: {
      architecture: 'gemma3',
      parameterCount: 3_880_099_328,
      contextLength: 131_072,
      quantization: 'Q4_0',
      hasChatTemplate: true,
      licence: 'gemma',
      slidingWindow: 1024,
    },
  }),
  model({
    id: 'stories',
    name: 'stories15M',
    origin: 'made',
    sizeBytes: Math.round(29.1 * MiB),
    lastUsedMs: now - 3 * 3600_000,
    facts: {
      architecture: 'llama',
      parameterCount: 15_191_712,
      contextLength: 256,
      quantization: 'F16',
      hasChatTemplate: false,
      layerCount: 6,
      vocabularySize: 32_000,
      licence: 'mit',
    },
  }),
  model({
    id: 'mistral',
    name: 'Mistral-7B-Instruct-v0.3',
    sizeBytes: Math.round(4.07 * GiB),
    lastUsedMs: now - 40 * DAY_MS,
    facts: {
      architecture: 'mistral',
      parameterCount: 7_248_023_552,
      contextLength: 32_768,
      quantization: 'Q4_K_M',
      hasChatTemplate: true,
      licence: 'apache-2.0',
    },
  }),
  model({
    id: 'phi',
    name: 'Phi-3.5-mini-instruct',
    sizeBytes: Math.round(2.23 * GiB),
    facts: {
      architecture: 'phi3',
      parameterCount: 3_821_079_552,
      contextLength: 131_072,
      quantization: 'Q4_K_M',
      hasChatTemplate: true,
      licence: 'mit',
    },
  }),
  model({
    id: 'gptq',
    name: 'Qwen2.5-1.5B-GPTQ-Int4',
    kind: 'gptq',
    path: '/home/mira/models/Qwen2.5-1.5B-GPTQ-Int4',
    fileCount: 7,
    sizeBytes: Math.round(1.08 * GiB),
    facts: {
      architecture: 'qwen2',
      parameterCount: 1_543_714_304,
      contextLength: 32_768,
      quantization: 'GPTQ 4-bit g128',
      licence: 'apache-2.0',
    },
  }),
  model({
    id: 'lora',
    name: 'haiku-lora',
    kind: 'peft-adapter',
    path: '/home/mira/adapters/haiku-lora',
    fileCount: 2,
    sizeBytes: Math.round(38.5 * MiB),
    tags: ['experiments'],
    facts: {
      architecture: 'qwen2',
      adapter: { rank: 16, alpha: 32, targetModules: ['q_proj', 'v_proj'], baseModel: 'Qwen/Qwen2.5-7B-Instruct' },
    },
  }),
  model({
    id: 'tone',
    name: 'plain-tone',
    kind: 'peft-adapter',
    path: '/home/mira/adapters/plain-tone',
    fileCount: 2,
    sizeBytes: Math.round(57.8 * MiB),
    facts: {
      architecture: 'smollm3',
      adapter: {
        rank: 16,
        alpha: 32,
        targetModules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
        baseModel: 'HuggingFaceTB/SmolLM3-3B',
      },
    },
  }),
  model({
    id: 'sql',
    name: 'sql-from-questions',
    kind: 'gguf-adapter',
    path: '/home/mira/adapters/sql-from-questions.gguf',
    sizeBytes: Math.round(28.9 * MiB),
    facts: { architecture: 'smollm3', adapter: { rank: 8, alpha: 16, targetModules: ['attn_q', 'attn_v'] } },
  }),
  model({
    id: 'broken',
    name: 'Llama-3.3-70B-Instruct',
    sizeBytes: Math.round(31.2 * GiB),
    facts: { architecture: 'llama', parameterCount: 70_553_706_496, contextLength: 131_072, quantization: 'Q4_K_M' },
    state: {
      status: 'broken',
      error: { code: 'gguf.truncated', params: { file: 'Llama-3.3-70B-Instruct.gguf', missingBytes: Math.round(8.4 * GiB) } },
    },
    hash: { status: 'pending' },
  }),
  model({
    id: 'qwen7copy',
    name: 'qwen2.5-7b-instruct-q4_k_m',
    origin: 'copy',
    sizeBytes: Math.round(4.36 * GiB),
    duplicateIds: ['qwen7'],
    facts: { architecture: 'qwen2', parameterCount: 7_615_616_512, contextLength: 131_072, quantization: 'Q4_K_M', hasChatTemplate: true },
  }),
];

const thread = (id: string, title: string, agoMs: number, changes: Partial<Thread> = {}): Thread => ({
  id,
  title,
  modelId: 'qwen7',
  remote: null,
  mode: 'chat',
  systemPrompt: '',
  sampling: sampling.parse({}),
  answerCount: 1,
  adapters: [],
  tools: [],
  folder: '',
  createdMs: now - agoMs - 1000,
  updatedMs: now - agoMs,
  ...changes,
});

export const threads: readonly Thread[] = [
  thread('t1', 'Reading a file line by line', 5 * 60_000, { systemPrompt: 'Answer briefly, with code where it helps.' }),
  thread('t8', 'Prime factors', 30 * 60_000, { folder: 'Mathematics', tools: ['calculator'] }),
  thread('t2', 'Once upon a time', 2 * 3600_000, { modelId: 'stories', mode: 'text' }),
  thread('t3', 'Ideas for a rainy afternoon', DAY_MS + 3600_000),
  thread('t4', '讲讲量化为什么会损失精度', 3 * DAY_MS),
  thread('t5', 'A letter to the landlord about the heating that has not worked since October', 4 * DAY_MS),
  thread('t6', 'Haiku about compilers', 12 * DAY_MS, { folder: 'Ideas' }),
  thread('t7', 'Explain rotary embeddings', 75 * DAY_MS),
];

const facts = (changes: Partial<NonNullable<Message['facts']>> = {}): NonNullable<Message['facts']> => ({
  modelId: 'qwen7',
  modelName: 'Qwen2.5 7B Instruct',
  sampling: { ...sampling.parse({}), seed: 71_204 },
  promptTokens: 842,
  cachedTokens: 610,
  answerTokens: 211,
  timeToFirstTokenMs: 312,
  tokensPerSecond: 42.13,
  stopReason: 'end',
  ...changes,
});

const say = (
  id: string,
  threadId: string,
  parentId: string | null,
  role: Message['role'],
  text: string,
  changes: Partial<Message> = {},
): Message => ({
  id,
  threadId,
  parentId,
  role,
  text,
  facts: role === 'assistant' ? facts() : null,
  error: null,
  createdMs: now - 600_000 + Number(id.replace(/\D/g, '')) * 1000,
  ...changes,
});

/** With thoughts, a formula, and a table. */
const REASONED = `<think>
A product of two numbers above one is never prime.
</think>
The product of two primes has *exactly* two prime factors:

$$n = p \\cdot q, \\qquad \\varphi(n) = (p-1)(q-1)$$

| factor | prime |
| --- | --- |
| 17 | yes |
| 23 | yes |

Let me work out $17 \\cdot 23$ exactly.`;

const ANSWER = `Use an asynchronous iterator over the stream. Only one line is in memory at a time, so the size of the file does not matter:

\`\`\`typescript
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** Yield the lines of a text file, without their ends. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path, { encoding: 'utf8' });
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    yield line; // 1 line at a time
  }
}
\`\`\`

Three things to keep in mind:

1. **Close the stream** when you leave the loop early; \`for await\` does that for you.
2. A last line without a newline is still yielded.
3. See the [Node.js documentation](https://nodejs.org/api/readline.html) for more.

| Method | Memory | Speed |
| --- | --- | --- |
| \`readFile\` | whole file | fastest |
| \`linesOf\` | one line | nearly as fast |
`;

export const messages: Readonly<Record<string, readonly Message[]>> = {
  t1: [
    say('m1', 't1', null, 'user', 'How do I read a large text file line by line in Node.js?'),
    say('m2', 't1', 'm1', 'assistant', 'Use `readline` with a stream.', {
      facts: facts({ answerTokens: 9, tokensPerSecond: 40.2, stopReason: 'stopped' }),
    }),
    say('m3', 't1', 'm1', 'assistant', ANSWER),
    say('m4', 't1', 'm3', 'user', 'And how would I count the words?'),
    say(
      'm5',
      't1',
      'm4',
      'assistant',
      'Sum the pieces of each line, split at white space:\n\n```python\ntotal = sum(len(line.split()) for line in open("big.txt"))  # streaming\n```\n\n> It counts `well-known` as one word.',
      {
        facts: facts({ answerTokens: 38, promptTokens: 1102, cachedTokens: 1053, timeToFirstTokenMs: 96 }),
      },
    ),
  ],
  t2: [
    say('m1', 't2', null, 'user', 'Once upon a time there was a little girl named Lily.'),
    say(
      'm2',
      't2',
      'm1',
      'assistant',
      ' She loved to play outside in the park. One day, she saw a big, shiny rock. She wanted to take it home, but it was too heavy for her small hands.\n\nHer friend Tom came by and said, "Let us carry it together."',
      {
        facts: facts({
          modelName: 'stories15M',
          modelId: 'stories',
          stopReason: 'maxTokens',
          answerTokens: 64,
          promptTokens: 13,
          cachedTokens: 0,
          tokensPerSecond: 388,
        }),
      },
    ),
  ],
  t8: [
    say('m1', 't8', null, 'user', 'What is 17 times 23, and why is it not prime?'),
    say('m2', 't8', 'm1', 'assistant', REASONED, { toolCalls: [{ id: 'c1', name: 'calculator', arguments: '{"expression":"17 * 23"}' }] }),
  ],
  t3: [
    say('m1', 't3', null, 'user', 'Give me three ideas for a rainy afternoon.'),
    say('m2', 't3', 'm1', 'assistant', '1. **Bake a bread** that takes its time.\n2. Draw a', {
      facts: null,
      error: {
        code: 'engine.crashed',
        params: { engine: 'inference', reason: 'SIGSEGV' },
        detail: 'signal 11 in ggml_compute_forward_mul_mat',
      },
    }),
  ],
};

export const tensors = Array.from({ length: 339 }, (_, index) => ({
  name:
    index === 0
      ? 'token_embd.weight'
      : `blk.${Math.floor(index / 12)}.${['attn_q', 'attn_k', 'attn_v', 'attn_output', 'ffn_gate', 'ffn_up', 'ffn_down', 'attn_norm', 'ffn_norm', 'attn_q.bias', 'attn_k.bias', 'attn_v.bias'][index % 12] ?? ''}.weight`,
  type: index % 12 === 7 || index % 12 === 8 ? 'F32' : index % 5 === 0 ? 'Q6_K' : 'Q4_K',
  shape: index === 0 ? [152_064, 3584] : index % 12 === 7 || index % 12 === 8 ? [3584] : [3584, 18_944],
  sizeBytes: index === 0 ? 426 * MiB : index % 12 === 7 ? 14_336 : Math.round(36.4 * MiB),
  file: 'Qwen2.5 7B Instruct.gguf',
}));

export const metadata = [
  { key: 'general.architecture', type: 'string', value: 'qwen2', length: null },
  { key: 'general.name', type: 'string', value: 'Qwen2.5 7B Instruct', length: null },
  { key: 'qwen2.context_length', type: 'uint32', value: '131072', length: null },
  { key: 'qwen2.rope.freq_base', type: 'float32', value: '1000000', length: null },
  { key: 'tokenizer.ggml.tokens', type: 'string[]', value: '!, ", #, $, %, &, \', (, ), *, +, …', length: 152_064 },
];

export const CHAT_TEMPLATE =
  "{%- if messages[0]['role'] == 'system' %}\n    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n{%- endif %}\n{%- for message in messages %}\n    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n{%- endfor %}\n";
