/** Adapters in a conversation, and answers side by side. */
export const mixer = {
  mixer: {
    title: 'Adapters of this conversation',
    add: 'Adapter',
    choose: 'Add an adapter',
    none: 'All adapters of the library are in the conversation.',
    checking: 'Checking whether it fits…',
    fits: 'Fits this model',
    fitsRank: 'Fits this model · rank {{rank}}',
    on: '{{name}} is on',
    remove: 'Take {{name}} out',
    gone: 'No longer in the library',
    used: 'with {{adapters}}',
  },
  compare: {
    open: 'Compare…',
    title: 'Compare answers',
    note: 'The same message and the same seed, answered another way. All answers stay as versions.',
    plain: 'Without adapters',
    mixed: 'With the adapters as they are set now',
    model: 'With another model',
    noModel: 'There is no other model to chat with.',
    keep: 'Keep this one',
    another: 'Compare with another',
    waiting: 'The answer is being made…',
    failed: 'There is no other answer.',
  },
} as const;
