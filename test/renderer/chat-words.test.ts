import { expect, test } from 'vitest';
import { sampling } from '#contract/chat.ts';
import { SAMPLING_PRESETS } from '#core/sampling/presets.ts';
import { lastDropped } from '#core/chat/thread.ts';
import { showBidi } from '#renderer/markdown/bidi.ts';
import { presetOf, samplingOf, withPreset } from '#renderer/screens/chat/preset-values.ts';
import { SAMPLING_GROUPS, spanOf } from '#renderer/screens/chat/sampling-groups.ts';
import { markSpecial } from '#renderer/screens/chat/special-tokens.ts';
import { probabilityBand, visibleToken } from '#renderer/screens/chat/token-words.ts';

test('a prompt is cut at its special tokens, the longest first, and is whole when put together', () => {
  const text = '<|im_start|>user\n<|im_start|>x</s>';
  const parts = markSpecial(text, ['</s>', '<|im', '<|im_start|>']);
  expect(parts.map((part) => part.text).join('')).toBe(text);
  expect(parts.filter(({ isSpecial }) => isSpecial).map((part) => part.text)).toEqual(['<|im_start|>', '<|im_start|>', '</s>']);
  expect(markSpecial('a.b', ['.'])).toHaveLength(3);
  expect(markSpecial('', [])).toEqual([]);
});

test('a preset decides how words are chosen and leaves the rest of the conversation as it is', () => {
  const own = sampling.parse({ seed: 7, maxTokens: 99, topK: 3, stop: ['END'], contextPolicy: 'rolling' });
  const coded = withPreset(own, SAMPLING_PRESETS.code);
  expect(coded).toMatchObject({ temperature: 0.3, topK: 40, seed: 7, maxTokens: 99, stop: ['END'], contextPolicy: 'rolling' });
  const presets = Object.entries(SAMPLING_PRESETS).map(([key, values]) => ({ key, values }));
  expect(presetOf(coded, presets)).toBe('code');
  expect(presetOf(own, presets)).toBeNull();
  expect(presetOf(own, [{ key: 'mine', values: samplingOf(own) }])).toBe('mine');
});

test('the useful part of every slider lies on it', () => {
  for (const name of SAMPLING_GROUPS.flatMap(({ parameters }) => [...parameters])) {
    const [from, to] = spanOf(name).useful;
    expect([name, from >= 0 && to <= 1 && to > from]).toEqual([name, true]);
  }
});

test('tokens that cannot be seen are named, and the likely ones are told from the rare', () => {
  expect([' a', '\n', '\t\u200b', ''].map(visibleToken)).toEqual(['␣a', '↵', '⇥U+200B', '∅']);
  expect([0.95, 0.6, 0.2, 0.01].map((share) => probabilityBand(Math.log(share)))).toEqual(['sure', 'likely', 'unsure', 'rare']);
});

test('marks that turn the direction of code around are shown', () => {
  expect(showBidi('a\u202Eb\u2069')).toBe('a⟨U+202E⟩b⟨U+2069⟩');
});

test('the messages that are not read end where the turns that are left out do', () => {
  const path = [
    { id: '1', parentId: null, role: 'user' as const, text: 'a' },
    { id: '2', parentId: '1', role: 'assistant' as const, text: '' },
    { id: '3', parentId: '2', role: 'user' as const, text: 'b' },
    { id: '4', parentId: '3', role: 'assistant' as const, text: 'c' },
    { id: '5', parentId: '4', role: 'user' as const, text: 'd' },
  ];
  // The first two messages of the user are one turn.
  expect([0, 1, 2].map((dropped) => lastDropped(path, dropped))).toEqual([null, '3', '4']);
});
