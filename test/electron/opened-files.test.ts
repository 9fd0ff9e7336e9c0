import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { enterOpened, modelFilesOf } from '#main/electron/opened-files.ts';
import { writeGeneratedModel } from '../engine/generated-model.ts';
import { openTest, temporaryFolder } from '../main/support/open.ts';

describe('the command line of a double click', () => {
  test('names the model files, wherever they lie', () => {
    const args = ['/opt/Lathe/lathe', '--enable-features=X', '/models/小熊 猫.gguf', 'near.GGUF', '/models/notes.txt', '.'];
    expect(modelFilesOf(args, '/home/u')).toEqual(['/models/小熊 猫.gguf', '/home/u/near.GGUF']);
  });

  test('addresses and options are no files, though they end as one', () => {
    expect(modelFilesOf(['lathe://x/a.gguf', 'https://evil.example/a.gguf', '--load=a.gguf', 'file:///etc/a.gguf'], '/')).toEqual([]);
  });

  test('a thousand files are not a double click', () => {
    expect(
      modelFilesOf(
        Array.from({ length: 1000 }, (_, index) => `/m/${index}.gguf`),
        '/',
      ),
    ).toHaveLength(32);
  });
});

describe('an opened file', () => {
  test('is entered by link and shown; opened again it is the same model', async () => {
    const { client } = await openTest();
    const path = join(temporaryFolder(), 'opened 模型.gguf');
    await writeGeneratedModel(path);
    const first = await enterOpened(client.library, [path]);
    const [model] = await client.library.list({});
    expect(model).toMatchObject({ path, origin: 'link' });
    expect(first).toEqual({ at: `/library?model=${model?.id}`, problems: [] });
    expect(await enterOpened(client.library, [path])).toEqual(first);
  });

  test('that is no model leads to the library, with what is wrong with it', async () => {
    const { client } = await openTest();
    const path = join(temporaryFolder(), 'broken.gguf');
    await writeFile(path, 'GGUF but not really');
    const { at, problems } = await enterOpened(client.library, [path]);
    expect(at).toBe('/library');
    expect(problems).toMatchObject([{ path, error: { code: expect.stringMatching(/^gguf\./) } }]);
    expect(await client.library.list({})).toEqual([]);
  });
});
