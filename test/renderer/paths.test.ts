import { describe, expect, test } from 'vitest';
import { asFolder, folderOf, joinPath, nameOf } from '#renderer/paths.ts';
import { droppedPath } from '#renderer/screens/library/dropped.ts';

describe('paths of another computer than the browser', () => {
  test('on Linux and macOS, where a backslash-free path is split at slashes', () => {
    expect([folderOf('/a/b/c.gguf'), nameOf('/a/b/c.gguf')]).toEqual(['/a/b', 'c.gguf']);
    expect([folderOf('/a/b/'), nameOf('/a/b/')]).toEqual(['/a/b', '']);
    expect([folderOf('/a'), nameOf('/a')]).toEqual(['/', 'a']);
    expect(folderOf('~/models/x')).toBe('~/models');
    expect(joinPath('/a/b', 'c')).toBe('/a/b/c');
    expect(asFolder('/a/b')).toBe('/a/b/');
  });

  test('on Windows', () => {
    expect([folderOf('C:\\a b\\c.gguf'), nameOf('C:\\a b\\c.gguf')]).toEqual(['C:\\a b', 'c.gguf']);
    expect(folderOf('C:\\a')).toBe('C:\\');
    expect(joinPath('D:\\模型', 'c')).toBe('D:\\模型\\c');
    expect(asFolder('C:\\a')).toBe('C:\\a\\');
  });
});

describe('the path of what was dropped', () => {
  const dropped = (list: string) => droppedPath({ types: ['text/uri-list'], getData: (type) => (type === 'text/uri-list' ? list : '') });

  test('is told by file managers as an address', () => {
    expect(dropped('file:///home/mira/my%20models/a.gguf\r\n')).toBe('/home/mira/my models/a.gguf');
    expect(dropped('file:///C:/models/%E6%A8%A1.gguf')).toBe('C:\\models\\模.gguf');
  });

  test('is not known where the browser keeps it to itself, or where it is no file', () => {
    expect(dropped('')).toBeUndefined();
    expect(dropped('https://example.org/a.gguf')).toBeUndefined();
    expect(dropped('file:///%E0%A4%A')).toBeUndefined();
  });
});
