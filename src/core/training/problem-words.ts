/** Why a record of a dataset cannot be used, in English; behind "Line 3: ". */
export const problemWords = {
  invalidJson: 'is no JSON',
  notAnArray: 'holds no list',
  unclosedQuote: 'a quotation mark is not closed',
  wrongColumns: 'has another number of columns than the first line',
  unknownShape: 'has fields of no known kind',
  emptyText: 'is empty',
  unknownRole: 'has a role that is not known',
  noAnswer: 'has no answer to learn',
  templateFailed: 'the chat template of the model gives up on it',
  unsupportedText: 'has a character that the model has no token for',
  nothingTrained: 'has nothing that would be trained',
} as const;
