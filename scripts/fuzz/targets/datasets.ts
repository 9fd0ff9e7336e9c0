import { AppError } from '#core/errors/index.ts';
import { formatOf, type DatasetFormat } from '#core/training/records.ts';
import { fieldNames, readDataset } from '#core/training/samples.ts';
import { checkSettings } from '#core/training/check-settings.ts';
import { defaultSettings } from '#core/training/settings.ts';
import { damagedText, decode, encode, jsonFile } from '../json.ts';
import { strangeText, type Random } from '../random.ts';
import { promise, type Target } from '../target.ts';

const TOKENS = ['"', ',', '\n', '\r\n', '{', '}', '[', ']', '\\', '""', ';', '\t', '\uFEFF', 'role', 'messages'];
const FORMATS: readonly DatasetFormat[] = ['json', 'jsonl', 'csv', 'text'];

function record(random: Random): unknown {
  const text = (): string => (random.chance(0.7) ? 'some words' : strangeText(random));
  return random.pick([
    {
      messages: [
        { role: 'user', content: text() },
        { role: random.pick(['assistant', 'model', strangeText(random)]), content: text() },
      ],
    },
    {
      conversations: [
        { from: 'human', value: text() },
        { from: 'gpt', value: text() },
      ],
    },
    { prompt: text(), completion: text() },
    { instruction: text(), input: text(), output: text(), system: text() },
    { text: text() },
  ]);
}

function fileOf(random: Random, format: DatasetFormat): Uint8Array {
  const records = random.many(1 + random.below(6), () => record(random));
  if (format === 'json') return jsonFile(random, records);
  if (format === 'jsonl') return encode(records.map((each) => decode(jsonFile(random, each))).join(random.pick(['\n', '\r\n', '\n\n'])));
  if (format === 'text') return encode(records.map(() => strangeText(random)).join('\n\n'));
  const cell = (): string => random.pick(['words', '"quoted"', '"with "" inside"', '"a\nb"', strangeText(random)]);
  const rows = random.many(1 + random.below(5), () => `${cell()},${cell()}`);
  return damagedText(random, encode(['prompt,completion', ...rows].join(random.pick(['\n', '\r\n', '\r']))), TOKENS);
}

export const dataset: Target = {
  name: 'dataset',
  codes: /^train\./,
  make: (random) => {
    const format = random.pick(FORMATS);
    const bytes = fileOf(random, format);
    return [encode(random.chance(0.9) ? format : random.pick(FORMATS)), random.chance(0.5) ? bytes : damagedText(random, bytes, TOKENS)];
  },
  run: ([name, bytes]) => {
    const text = decode(bytes);
    const format = FORMATS.find((each) => each === decode(name)) ?? formatOf('.json', text) ?? 'text';
    const { samples, problems } = readDataset(text, format);
    const lines = text.split('\n').length;
    for (const { line } of [...samples, ...problems]) promise(line >= 1 && line <= lines, 'a line lies outside the file');
    for (const sample of samples) if (sample.kind === 'messages') promise(sample.messages.length > 0, 'a conversation is empty');
    readDataset(text, format, { prompt: 'prompt', completion: 'completion' });
    fieldNames(text, format);
    return samples.length > 0 ? 'samples' : 'problems';
  },
};

export const trainingSettings: Target = {
  name: 'training-settings',
  codes: /^train\./,
  make: (random) => [jsonFile(random, { ...defaultSettings, ...(random.chance(0.3) ? { [strangeText(random)]: 1 } : {}) })],
  run: ([bytes]) => {
    let given: unknown;
    try {
      given = JSON.parse(decode(bytes));
    } catch (error) {
      if (error instanceof AppError) throw error;
      return 'no JSON';
    }
    if (typeof given !== 'object' || given === null) return 'no settings';
    const settings = checkSettings(given as Record<string, unknown>);
    promise(
      settings.r >= 1 && settings.learning_rate >= 0 && Number.isFinite(settings.learning_rate),
      'a setting lies outside what it may be',
    );
    return 'read';
  },
};
