import { sampling } from '#contract/chat.ts';
import { chatRepository } from '#main/db/chats.ts';
import { openDatabase } from '#main/db/open.ts';

const MESSAGES = 20;
const DAY_MS = 24 * 3600 * 1000;
const WORDS = 'the lathe turns slowly and every shaving falls where it may 模型 在 本机 运行 while nobody counts them but the broom'.split(
  ' ',
);
/** Stands in one message alone. */
export const RARE_WORD = 'zwiebelfisch';

/** Enter conversations into the database of a data folder, as a year of talking leaves them. */
export function writeThreads(databasePath: string, count: number, nowMs = Date.now()): void {
  const database = openDatabase(databasePath);
  const repository = chatRepository(database);
  try {
    database.write(() => {
      for (let index = 0; index < count; index += 1) {
        const threadId = `scale-thread-${index}`;
        const createdMs = nowMs - (index * 365 * DAY_MS) / count;
        repository.addThread({
          id: threadId,
          title: `Conversation ${index}: ${WORDS.slice(index % 12, (index % 12) + 4).join(' ')}`,
          modelId: null,
          remote: null,
          mode: 'chat',
          systemPrompt: '',
          sampling: sampling.parse({}),
          answerCount: 1,
          adapters: [],
          tools: [],
          folder: index % 10 === 0 ? `Folder ${index % 7}` : '',
          createdMs,
          updatedMs: createdMs,
        });
        for (let turn = 0; turn < MESSAGES; turn += 1)
          repository.addMessage({
            id: `scale-${index}-${turn}`,
            threadId,
            parentId: turn === 0 ? null : `scale-${index}-${turn - 1}`,
            role: turn % 2 === 0 ? 'user' : 'assistant',
            text: messageText(index, turn, count),
            facts: null,
            error: null,
            createdMs: createdMs + turn,
          });
      }
    });
  } finally {
    database.close();
  }
}

function messageText(thread: number, turn: number, count: number): string {
  const words = Array.from(
    { length: turn % 2 === 0 ? 12 : 150 },
    (_, at) => WORDS[(thread * 31 + turn * 7 + at * (1 + (thread % 5))) % WORDS.length],
  );
  if (thread === Math.floor(count / 2) && turn === 3) words.push(RARE_WORD);
  return words.join(' ');
}
