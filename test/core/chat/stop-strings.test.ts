import { describe, expect, it } from 'vitest';
import { stopFinder } from '#core/chat/stop-strings.ts';

/** Every way to cut a text into pieces of these lengths. */
function run(text: string, stops: readonly string[], size: number): { out: string; stopped: boolean } {
  const finder = stopFinder(stops);
  let out = '';
  for (let at = 0; at < text.length; at += size) {
    const step = finder.push(text.slice(at, at + size));
    out += step.text;
    if (step.stopped) return { out, stopped: true };
  }
  return { out: out + finder.rest(), stopped: false };
}

describe('stop strings', () => {
  it.each([1, 2, 3, 5, 100])('are found wherever the text is cut (%i)', (size) => {
    expect(run('one END two', ['END'], size)).toEqual({ out: 'one ', stopped: true });
    expect(run('aaab', ['aab'], size)).toEqual({ out: 'a', stopped: true });
    expect(run('nothing EN', ['END'], size)).toEqual({ out: 'nothing EN', stopped: false });
    expect(run('x\n\nUser: hi', ['\nUser:', '\n\nUser'], size)).toEqual({ out: 'x', stopped: true });
  });

  it('hold back only what may become one', () => {
    const finder = stopFinder(['</s>']);
    expect(finder.push('a <').text).toBe('a ');
    expect(finder.push('b').text).toBe('<b');
    expect(finder.push('').text).toBe('');
  });

  it('that are empty stop nothing', () => {
    expect(run('text', [''], 2)).toEqual({ out: 'text', stopped: false });
  });
});
