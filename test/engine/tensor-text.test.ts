import { expect, test } from 'vitest';
import { AppError } from '#core/errors/index.ts';
import { fittingText } from '../../src/engine/tensor/text.ts';

const signal = new AbortController().signal;
const text = 'One day\n你好 “day”\nA day = 24 hours\nThe end\n';

/** A tokenizer that knows so many characters, and names the first that it does not know. */
function knowing(known: string) {
  const asked: string[] = [];
  const tokenize = ({ text }: { readonly text: string }): Promise<Int32Array> => {
    asked.push(text);
    const character = [...text].find((each) => !known.includes(each));
    if (character !== undefined) throw new AppError('tokenizer.unsupportedText', { character });
    return Promise.resolve(new Int32Array());
  };
  return { asked, tokenize };
}

const fitting = (isBundled: boolean, tokenizer: ReturnType<typeof knowing>): Promise<string> =>
  fittingText({ name: 'stories.txt', text, sha256: '', isBundled }, 'model.gguf', tokenizer, signal);

test('of the text that comes with Lathe, a small vocabulary gets the lines that it has tokens for', async () => {
  const letters = 'abcdefghijklmnopqrstuvwxyzAOT \n';
  expect(await fitting(true, knowing(letters))).toBe('One day\nThe end\n');
  expect(await fitting(true, knowing(`${letters}你好“”`))).toBe('One day\n你好 “day”\nThe end\n');
});

test('a vocabulary that knows all gets all, and the user’s own text is left as it is', async () => {
  const all = knowing(text);
  expect(await fitting(true, all)).toBe(text);
  expect(all.asked).toEqual([text]);
  const none = knowing('');
  expect(await fitting(false, none)).toBe(text);
  expect(none.asked).toEqual([]);
});

test('any other failure is told', async () => {
  const tokenize = (): never => {
    throw new AppError('engine.loadFailed', { file: 'model.gguf', problem: '' });
  };
  await expect(fittingText({ name: '', text, sha256: '', isBundled: true }, 'model.gguf', { tokenize }, signal)).rejects.toMatchObject({
    code: 'engine.loadFailed',
  });
});
