import type { Command } from './command.ts';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Every command. Its file is loaded when it is used: the help of all must not cost the start of all. */
export const registry: Readonly<Record<string, Entry>> = {
  import: {
    summary: 'add a model file, a model folder or a folder of models to the library',
    load: async () => (await import('./commands/import.ts')).command,
  },
  models: { summary: 'list the library', load: async () => (await import('./commands/models.ts')).command },
  inspect: { summary: 'show what is known of a model', load: async () => (await import('./commands/inspect.ts')).command },
  verify: {
    summary: 'compare a model’s files with their recorded sha256',
    load: async () => (await import('./commands/verify.ts')).command,
  },
  convert: { summary: 'write a model as GGUF, in floats', load: async () => (await import('./commands/convert.ts')).command },
  recipes: {
    summary: 'list what a model can be quantized to: sizes, and what is measured',
    load: async () => (await import('./commands/recipes.ts')).command,
  },
  quantize: {
    summary: 'write a model with fewer bits, and measure what it lost',
    load: async () => (await import('./commands/quantize.ts')).command,
  },
  calibrate: {
    summary: 'write an importance matrix: which weights matter on a text',
    load: async () => (await import('./commands/calibrate.ts')).command,
  },
  quality: {
    summary: 'measure what a model lost against the one it was made from',
    load: async () => (await import('./commands/quality.ts')).command,
  },
  estimate: {
    summary: 'tell what memory a model takes to run or to train, and what would make it fit',
    load: async () => (await import('./commands/estimate.ts')).command,
  },
  bench: {
    summary: 'measure variants of a model: speed, memory, quality, answers',
    load: async () => (await import('./commands/bench.ts')).command,
  },
  adapters: {
    summary: 'list the LoRA adapters, and the models that each fits',
    load: async () => (await import('./commands/adapters.ts')).command,
  },
  merge: {
    summary: 'put adapters into the weights of a model, and prove it',
    load: async () => (await import('./commands/merge.ts')).command,
  },
  certify: {
    summary: 'hold a merged model against its base and the adapters',
    load: async () => (await import('./commands/certify.ts')).command,
  },
  combine: { summary: 'make several adapters one', load: async () => (await import('./commands/combine.ts')).command },
  extract: {
    summary: 'make an adapter of what a fine-tune changed of its base',
    load: async () => (await import('./commands/extract.ts')).command,
  },
  'convert-adapter': {
    summary: 'write an adapter in the other format',
    load: async () => (await import('./commands/convert-adapter.ts')).command,
  },
  chat: { summary: 'talk with a model in the terminal', load: async () => (await import('./commands/chat.ts')).command },
  remote: {
    summary: 'name engines on other computers, to chat with their models',
    load: async () => (await import('./commands/remote.ts')).command,
  },
  generate: {
    summary: 'let a model continue a text or answer a message',
    load: async () => (await import('./commands/generate.ts')).command,
  },
  perplexity: { summary: 'measure how well a model predicts a text', load: async () => (await import('./commands/perplexity.ts')).command },
  train: {
    summary: 'teach a model something: an adapter from a dataset',
    load: async () => (await import('./commands/train.ts')).command,
  },
  dataset: {
    summary: 'check a dataset, and show samples as a model sees them',
    load: async () => (await import('./commands/dataset.ts')).command,
  },
  demo: {
    summary: 'make the demo model, small and trained, to try things on',
    load: async () => (await import('./commands/demo.ts')).command,
  },
  jobs: { summary: 'list long work: running, done and failed', load: async () => (await import('./commands/jobs.ts')).command },
  serve: { summary: 'serve the app to a browser on this computer', load: async () => (await import('./commands/serve.ts')).command },
  update: {
    summary: 'download a newer Lathe, if its signature is right',
    load: async () => (await import('./commands/update.ts')).command,
  },
};
