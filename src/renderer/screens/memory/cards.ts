import { readCards } from '#core/memory/cards.ts';
import table from '../../../../resources/gpus.json';

/** The cards that Lathe knows the size and speed of. */
export const cards = readCards(table);
