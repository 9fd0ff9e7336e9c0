import type { LayerTraits } from './shape.ts';

const plain: LayerTraits = {
  positions: 'rotary',
  layerNorms: false,
  headNorms: false,
  fusedProjections: false,
  fusedGate: false,
  parallelFeedForward: false,
  scaledEmbeddings: false,
  scaledQueries: false,
  biases: 'none',
  postNorms: false,
  streamFirst: 'none',
  scanNorms: false,
  unrotatedPeriod: 0,
};

const gemma: Partial<LayerTraits> = { scaledEmbeddings: true, scaledQueries: true };

/** What llama.cpp's src/models build differently from Llama. */
const families: Readonly<Record<string, Partial<LayerTraits>>> = {
  gpt2: { positions: 'absolute', layerNorms: true, fusedProjections: true, biases: 'all' },
  starcoder: { positions: 'absolute', layerNorms: true, fusedProjections: true, biases: 'all' },
  jamba: { positions: 'none', scanNorms: true, streamFirst: 'all' },
  bloom: { positions: 'none', layerNorms: true, fusedProjections: true, biases: 'all' },
  mpt: { positions: 'none', layerNorms: true, fusedProjections: true },
  gptneox: { layerNorms: true, fusedProjections: true, biases: 'all' },
  falcon: { layerNorms: true, fusedProjections: true, parallelFeedForward: true },
  phi2: { layerNorms: true, fusedProjections: true, parallelFeedForward: true, scaledQueries: true, biases: 'all' },
  phi3: { fusedProjections: true, fusedGate: true, scaledQueries: true, streamFirst: 'feedForward' },
  qwen: { fusedProjections: true, biases: 'projections' },
  qwen2: { biases: 'projections' },
  qwen2moe: { biases: 'projections' },
  smollm3: { unrotatedPeriod: 4 },
  llama4: { unrotatedPeriod: 4 },
  gemma,
  gemma2: { ...gemma, postNorms: true },
  glm4: { fusedGate: true, postNorms: true },
  starcoder2: { layerNorms: true, biases: 'all' },
  stablelm: { layerNorms: true },
  nemotron: { layerNorms: true },
  'command-r': { layerNorms: true, parallelFeedForward: true },
  cohere2: { layerNorms: true, parallelFeedForward: true },
  qwen3: { headNorms: true },
  qwen3moe: { headNorms: true },
  gemma3: { ...gemma, headNorms: true, postNorms: true },
  olmo2: { headNorms: true, postNorms: true },
  exaone4: { headNorms: true, postNorms: true },
};

/** The traits of a family; of one that is not known, Llama's, which most are like. */
export const traitsOf = (architecture: string | null): LayerTraits => ({
  ...plain,
  ...(architecture === null ? {} : families[architecture]),
});
