/** What a layer keeps of the tokens before. Lengths are in elements. */
export type Memory =
  | {
      readonly kind: 'attention';
      readonly headCount: number;
      readonly headCountKv: number;
      /** Of one head. */
      readonly keyLength: number;
      readonly valueLength: number;
      /** Tokens that it looks back over; null: all. */
      readonly window: number | null;
    }
  | {
      /** Multi-head latent attention: one compressed vector in place of all keys and values. */
      readonly kind: 'latent';
      readonly headCount: number;
      /** Rank of the compressed keys and values, and the part that carries the position: both are cached. */
      readonly latentLength: number;
      readonly positionLength: number;
      /** Of one head, decompressed. */
      readonly keyLength: number;
      readonly valueLength: number;
      /** Rank of the compressed queries; null: not compressed. */
      readonly queryRank: number | null;
    }
  | {
      /** A state of fixed size for each sequence, whatever the context: Mamba, RWKV. Always F32. */
      readonly kind: 'recurrent';
      readonly family: 'mamba' | 'mamba2' | 'other';
      /** Last inputs of the convolution, or of the token shift. */
      readonly convolutionLength: number;
      readonly stateLength: number;
      /** Channels inside. */
      readonly innerLength: number;
      /** Channels of the convolution: of Mamba 2 also what steers the state. */
      readonly convolutionChannels: number;
      /** Rank of the matrix that sets the pace of each channel; of Mamba 2 the number of heads. */
      readonly stepRank: number;
    }
  | { readonly kind: 'none' };

export type FeedForward =
  | { readonly kind: 'gated' | 'plain'; readonly length: number }
  | {
      readonly kind: 'experts';
      readonly length: number;
      readonly expertCount: number;
      readonly usedCount: number;
      /** Length of the part that every token passes; 0: none. */
      readonly sharedLength: number;
    }
  | { readonly kind: 'none' };

/** `LLAMA_MAX_EXPERTS` in llama-hparams.h: bounds the work on absurd files. */
export const MAX_EXPERTS = 1024;

export interface LayerShape {
  readonly memory: Memory;
  readonly feedForward: FeedForward;
  /** Of its tensors as they are stored. */
  readonly weightBytes: number;
}

/** What was not in the file and had to be taken from what models of that size usually have. */
export type GuessedTerm =
  | 'architecture'
  | 'layerCount'
  | 'embeddingLength'
  | 'feedForwardLength'
  | 'headCount'
  | 'headCountKv'
  | 'vocabularySize'
  | 'slidingWindow'
  | 'recurrentState'
  | 'latentRank'
  | 'weightPlacement';

/** How the layers of a family are put together, as far as it changes what lives at the same time. */
export interface LayerTraits {
  /** Turned into queries and keys, added to the embedding, or not told. */
  readonly positions: 'rotary' | 'absolute' | 'none';
  /** Layer norms in place of RMS norms: they cannot overwrite their input. */
  readonly layerNorms: boolean;
  /** Queries and keys have norms of their own. */
  readonly headNorms: boolean;
  /** One matrix for queries, keys and values. */
  readonly fusedProjections: boolean;
  /** One matrix for both halves of the gated feed-forward network. */
  readonly fusedGate: boolean;
  /** Attention and feed-forward network read the same norm. */
  readonly parallelFeedForward: boolean;
  /** Embeddings, and queries, are multiplied by a number. */
  readonly scaledEmbeddings: boolean;
  readonly scaledQueries: boolean;
  /** What has biases: nothing, the projections of attention, or all matrices and norms. */
  readonly biases: 'none' | 'projections' | 'all';
  /** What comes out of attention and of the feed-forward network has a norm before it is added. */
  readonly postNorms: boolean;
  /** Which sums are of the stream and what is added, not the other way round: ggml writes over the first of both. */
  readonly streamFirst: 'none' | 'feedForward' | 'all';
  /** What steers a selective scan has norms. */
  readonly scanNorms: boolean;
  /** Every how many layers one does not rotate queries and keys; 0: all do. */
  readonly unrotatedPeriod: number;
}

/** All of a model that its memory depends on. `shape-facts.ts` takes it from the library's facts, `shape-gguf.ts` from a GGUF header. */
export interface ModelShape {
  /** `general.architecture`. */
  readonly architecture: string | null;
  readonly layers: readonly LayerShape[];
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  /** Tokens it was trained with; null: not said. */
  readonly contextLength: number | null;
  /** Sliding window that the file names, whether or not layers heed it; null: none. */
  readonly statedWindow: number | null;
  readonly traits: LayerTraits;
  /** Token embedding, and whatever else comes before the layers: stays with the processor. */
  readonly inputBytes: number;
  /** Last norm and output matrix. */
  readonly outputBytes: number;
  /** Of the token embedding where it is the output matrix as well: copied where a card computes the output. Else 0. */
  readonly tiedBytes: number;
  readonly guessed: readonly GuessedTerm[];
}
