import type { Token } from 'node-llama-cpp';
import type { LlamaRuntime } from '../inference/llama.ts';
import { openContext, openModel } from '../inference/model.ts';
import type { TemplateRunner } from '../inference/template-runner.ts';
import { templateOf, type SampleVocabulary } from './vocabulary.ts';

export interface SayOptions {
  readonly runtime: LlamaRuntime;
  readonly modelPath: string;
  /** Beside the weights; null: none. */
  readonly adapterPath: string | null;
  readonly vocabulary: SampleVocabulary;
  readonly templates: TemplateRunner;
  readonly prompts: readonly string[];
  /** The most that is said to each. */
  readonly tokens: number;
  /** As the setting of that name. */
  readonly chatTemplate: string;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/** llama.cpp aligns contexts to this. */
const LEAST_CONTEXT = 256;

/**
 * What the model says to prompts, always its likeliest token: what changes from one time to the next comes from training
 * alone. Throws `engine.*`, `chat.template*`, `tokenizer.unsupportedText`.
 */
export async function saySamples({ runtime, vocabulary, templates, prompts, tokens: most, ...options }: SayOptions): Promise<string[]> {
  const { modelPath, adapterPath, chatTemplate, threads, signal } = options;
  const isChat = chatTemplate !== '' || vocabulary.chatTemplate !== null;
  const open = await openModel(runtime, modelPath, { signal, progress: () => undefined });
  try {
    const tokensOf = async (prompt: string): Promise<Token[]> => {
      const text = isChat
        ? await templates.render({
            source: templateOf(vocabulary, chatTemplate),
            conversation: { systemPrompt: '', turns: [{ role: 'user', text: prompt }] },
            tokens: vocabulary.names,
          })
        : prompt;
      open.check(text, isChat);
      const tokens = open.model.tokenize(text, isChat);
      const { begin } = vocabulary;
      return begin === null || tokens[0] === begin ? tokens : [begin as Token, ...tokens];
    };
    const all = await Promise.all(prompts.map(tokensOf));
    const longest = Math.max(0, ...all.map((tokens) => tokens.length));
    const adapters = adapterPath === null ? [] : [{ path: adapterPath, scale: 1 }];
    const contextLength = Math.max(LEAST_CONTEXT, longest + most + 1);
    const { context, sequence } = await openContext(open, { contextLength, threads, adapters, signal });
    try {
      const said: string[] = [];
      for (const tokens of all) {
        signal.throwIfAborted();
        await sequence.clearHistory();
        const made: Token[] = [];
        for await (const token of sequence.evaluate(tokens, { temperature: 0 })) {
          made.push(token);
          if (made.length >= most) break;
        }
        said.push(open.model.detokenize(made, false, tokens.slice(-1)));
      }
      return said;
    } finally {
      await context.dispose();
    }
  } finally {
    await open.model.dispose();
  }
}
