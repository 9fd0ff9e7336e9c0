import { download } from '../../download.ts';
import { apiInUse, asAppError } from '../../queries.ts';
import { goTo } from '../../navigation.ts';
import { errorToast } from '../../toasts.tsx';
import { useDrafts } from './drafts.ts';
import { visibleTurns } from './message-tree.ts';

/** What can be exported, for the file dialog. */
const READABLE = '.json,.md,.markdown,application/json,text/markdown';

/** Save a thread as a file: JSON with all of it, Markdown of the branch in view. */
export async function saveThread(threadId: string, format: 'json' | 'markdown'): Promise<void> {
  try {
    const { messages } = await apiInUse().call('chat.thread', { threadId });
    const leafId = visibleTurns(messages, useDrafts.getState().choices[threadId] ?? {}).at(-1)?.message.id ?? null;
    const { name, text } = await apiInUse().call('chat.save', { threadId, format, leafId });
    download(name, text);
  } catch (error) {
    errorToast(asAppError(error));
  }
}

/** Let the user choose files, and make a thread of each. */
export function openThreads(): void {
  const field = document.createElement('input');
  field.type = 'file';
  field.accept = READABLE;
  field.multiple = true;
  field.addEventListener('change', () => void readAll([...(field.files ?? [])]));
  field.click();
}

async function readAll(files: readonly File[]): Promise<void> {
  let lastId: string | null = null;
  for (const file of files) {
    try {
      lastId = (await apiInUse().call('chat.open', { name: file.name.slice(-255), text: await file.text() })).id;
    } catch (error) {
      errorToast(asAppError(error));
    }
  }
  if (lastId !== null) goTo.thread(lastId);
}
