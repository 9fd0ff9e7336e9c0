import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { snippet } from '#renderer/screens/server/snippets.ts';

const ADDRESS = 'http://127.0.0.1:11500/v1';
const HOSTILE = `a'b"; $(touch x) \`y\` \\ \n {{z}}`;

describe('what other programs are told', () => {
  it('is a command whose shell sees only the name, whatever is in it', () => {
    const command = snippet('curl', ADDRESS, HOSTILE);
    // The shell's own parser, with `curl` as a function that writes its arguments one by one.
    const printed = execFileSync('sh', ['-c', `curl() { printf '%s\\0' "$@"; }\n${command}`], {
      encoding: 'utf8',
      env: { LATHE_API_KEY: 'the-key' },
    }).split('\0');
    expect(printed.slice(0, 6)).toEqual([
      `${ADDRESS}/chat/completions`,
      '-H',
      'Authorization: Bearer the-key',
      '-H',
      'Content-Type: application/json',
      '-d',
    ]);
    expect(JSON.parse(printed[6] ?? '')).toEqual({ model: HOSTILE, messages: [{ role: 'user', content: 'Hello' }] });
  });

  it('never holds the key, and names the address and the model', () => {
    for (const language of ['curl', 'python', 'javascript'] as const) {
      const text = snippet(language, ADDRESS, 'Story');
      expect(text).toContain(ADDRESS);
      expect(text).toContain('LATHE_API_KEY');
      expect(text).toMatch(/model["']?: ?"Story"|model="Story"/);
    }
    expect(snippet('python', ADDRESS, HOSTILE)).toContain(JSON.stringify(HOSTILE));
  });
});
