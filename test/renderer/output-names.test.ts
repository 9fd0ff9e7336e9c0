import { expect, test } from 'vitest';
import { outputPaths } from '#renderer/screens/convert/output-names.ts';

const q4 = { target: 'Q4_K_M', format: 'gguf' } as const;

test('a result is named after its source and its target, as a file or a folder', () => {
  expect(outputPaths('SmolLM3 3B', [q4, { target: 'nf4', format: 'hf' }], '/models', [])).toEqual([
    '/models/SmolLM3 3B-Q4_K_M.gguf',
    '/models/SmolLM3 3B-nf4',
  ]);
});

test('the type that the source has is not carried on', () => {
  expect(outputPaths('Qwen3-0.6B-BF16', [q4], 'C:\\models', [])).toEqual(['C:\\models\\Qwen3-0.6B-Q4_K_M.gguf']);
});

test('no name is proposed that exists, differs in case alone, or was just proposed', () => {
  const taken = ['/models/Tiny-q4_k_m.GGUF', '/models/Tiny-Q4_K_M-2.gguf'];
  expect(outputPaths('Tiny', [q4, q4], '/models', taken)).toEqual(['/models/Tiny-Q4_K_M-3.gguf', '/models/Tiny-Q4_K_M-4.gguf']);
});

test('what would be a path or no name at all is made one', () => {
  expect(outputPaths('a/b:c', [q4], '/m/', [])).toEqual(['/m/a-b-c-Q4_K_M.gguf']);
  expect(outputPaths('..', [q4], '/m', [])).toEqual(['/m/model-Q4_K_M.gguf']);
});
