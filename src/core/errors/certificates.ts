import type { ErrorText } from './text.ts';

const sourceSafe = 'The base and the adapters are as they were.';
const mergeAgain = 'Merge again from the base and the adapters, and certify the result.';

/** What a certificate finds where a merged model is not, or not quite, its base with the adapters. */
export const certificateErrors = {
  'certificates.otherBase': {
    what: '{count} of {total} weights are not those of this base with these adapters: {tensor}, for one.',
    safe: sourceSafe,
    next: 'The merge was made from another base, or with other adapters. Name the right ones, or merge again.',
  },
  'certificates.otherTensors': {
    what: '{count} weights are only in one of the two models: {tensor}, for one.',
    safe: sourceSafe,
    next: 'The merge was made from another base. Name the right one, or merge again.',
  },
  'certificates.missing': {
    what: 'The change is missing from {count} of {total} weights: {tensor}, for one.',
    safe: sourceSafe,
    next: mergeAgain,
  },
  'certificates.mergedTwice': {
    what: '{count} of {total} weights hold the change twice: {tensor}, for one.',
    safe: sourceSafe,
    next: 'The adapters were merged into a model that had them already. Merge again from the base.',
  },
  'certificates.wrongScale': {
    what: '{count} of {total} weights hold {share} times the change that was asked for: {tensor}, for one.',
    safe: sourceSafe,
    next: 'Name the strength that was merged, or merge again with the right one.',
  },
  'certificates.disagrees': {
    what: 'The merged model answers differently from the base with the adapters beside it: a divergence of {meanKl} nats, where rounding explains {bound}.',
    safe: sourceSafe,
    next: mergeAgain,
  },
  'certificates.tokenizerChanged': {
    what: 'The tokenizer of the merged model is another one than that of the base ({field}).',
    safe: sourceSafe,
    next: 'Merge again with the tokenizer files of the base.',
  },
  'certificates.noEffect': {
    what: 'The adapters change no weight of this base.',
    safe: 'The merged model is as good as its base.',
    next: 'Check whether these are the right adapters, and whether their training came to an end.',
  },
  'certificates.lostInRounding': {
    what: '{count} of {total} weights keep less than half of the change ({share} of what their type can hold): it is smaller than its steps. {tensor} is one.',
    safe: 'The merge itself was made as asked.',
    next: 'Merge into a type with finer steps, or begin with a base that is not quantized.',
  },
  'certificates.inexact': {
    what: '{count} of {total} weights are farther from the computed ones than rounding to their type explains: {tensor}, for one.',
    safe: sourceSafe,
    next: 'A rougher quantizer may have made them. Compare the answers, or merge again.',
  },
  'certificates.tooSmall': {
    what: 'The change of all {count} changed weights is too small beside the rounding of their types to be told from it.',
    safe: 'Nothing speaks against the merge.',
    next: 'To be sure, merge into a float type and certify that.',
  },
  'certificates.diverges': {
    what: 'The merged model diverges by {meanKl} nats from the base with the adapters beside it; rounding explains {bound}.',
    safe: sourceSafe,
    next: 'Compare the answers of both before you use it.',
  },
  'certificates.weightsOnly': {
    what: 'The adapters cannot run beside the weights, since GGUF adapters cannot hold {what} ({tensor}): only the weights were checked.',
    safe: 'Every weight was held against what the files say.',
    next: 'Nothing needs to be done; read some answers of the merged model yourself.',
  },
  'certificates.templateChanged': {
    what: 'The merged model has another chat template than its base.',
    safe: 'The weights are not affected.',
    next: 'If this was not on purpose, its answers in a chat will be worse: merge again with the files of the base.',
  },
} as const satisfies Record<string, ErrorText>;
