import type { LayerTraits } from './shape.ts';

const plain: LayerTraits = {
  positions: 'rotary',
  layerNorms: false,
  headNorms: false,
  fusedProjections: false,
  fusedGate: false,
  parallelFeedForward: false,
};

/** What llama.cpp's src/models build differently from Llama. */
const families: Readonly<Record<string, Partial<LayerTraits>>> = {
  gpt2: { positions: 'absolute', layerNorms: true, fusedProjections: true },
  starcoder: { positions: 'absolute', layerNorms: true, fusedProjections: true },
  jamba: { positions: 'none' },
  bloom: { positions: 'none', layerNorms: true, fusedProjections: true },
  mpt: { positions: 'none', layerNorms: true, fusedProjections: true },
  gptneox: { layerNorms: true, fusedProjections: true },
  falcon: { layerNorms: true, fusedProjections: true, parallelFeedForward: true },
  phi2: { layerNorms: true, fusedProjections: true, parallelFeedForward: true },
  phi3: { fusedProjections: true, fusedGate: true },
  qwen: { fusedProjections: true },
  glm4: { fusedGate: true },
  starcoder2: { layerNorms: true },
  stablelm: { layerNorms: true },
  nemotron: { layerNorms: true },
  'command-r': { layerNorms: true, parallelFeedForward: true },
  cohere2: { layerNorms: true, parallelFeedForward: true },
  qwen3: { headNorms: true },
  qwen3moe: { headNorms: true },
  gemma3: { headNorms: true },
  olmo2: { headNorms: true },
  exaone4: { headNorms: true },
};

/** The traits of a family; of one that is not known, Llama's, which most are like. */
export const traitsOf = (architecture: string | null): LayerTraits => ({
  ...plain,
  ...(architecture === null ? {} : families[architecture]),
});
