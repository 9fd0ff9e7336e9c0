/** The records of a dataset's file, each with its line; what cannot be read is a problem of its line, not of the file. */

export type DatasetFormat = 'json' | 'jsonl' | 'csv' | 'text';

const endings: Readonly<Record<string, DatasetFormat>> = {
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
  '.json': 'json',
  '.csv': 'csv',
  '.txt': 'text',
  '.md': 'text',
};

/** Of files that hold datasets; Parquet becomes lines of JSON. */
export const datasetEndings: readonly string[] = [...Object.keys(endings), '.parquet'];

/** By a file's ending, and by its text where that leaves it open: many files of JSON lines are called .json. Null: none. */
export function formatOf(ending: string, text: string): DatasetFormat | null {
  const named = endings[ending.toLowerCase()];
  if (named !== 'json') return named ?? null;
  return text.replace('\uFEFF', '').trimStart().startsWith('[') ? 'json' : 'jsonl';
}

export interface DatasetRecord {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly value: unknown;
}

export interface DatasetProblem {
  readonly line: number;
  readonly kind:
    | 'invalidJson'
    | 'notAnArray'
    | 'unclosedQuote'
    | 'wrongColumns'
    | 'unknownShape'
    | 'emptyText'
    | 'unknownRole'
    | 'noAnswer';
}

export interface Records {
  readonly records: readonly DatasetRecord[];
  readonly problems: readonly DatasetProblem[];
}

export function readRecords(text: string, format: DatasetFormat): Records {
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  if (format === 'text') return readParagraphs(content);
  return format === 'csv' ? readCsv(content) : format === 'json' ? readJson(content) : readJsonLines(content);
}

/** A plain text: what stands between empty lines is a text of its own. */
function readParagraphs(text: string): Records {
  const records: DatasetRecord[] = [];
  let first = 1;
  let lines: string[] = [];
  const end = (): void => {
    if (lines.length > 0) records.push({ line: first, value: { text: lines.join('\n') } });
    lines = [];
  };
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') end();
    else if (lines.push(line) === 1) first = index + 1;
  }
  end();
  return { records, problems: [] };
}

function parsePieces(pieces: Iterable<{ line: number; text: string }>): Records {
  const records: DatasetRecord[] = [];
  const problems: DatasetProblem[] = [];
  for (const { line, text } of pieces) {
    try {
      records.push({ line, value: JSON.parse(text) as unknown });
    } catch {
      problems.push({ line, kind: 'invalidJson' });
    }
  }
  return { records, problems };
}

function readJsonLines(text: string): Records {
  const lines = text.split('\n').map((content, index) => ({ line: index + 1, text: content.trim() }));
  return parsePieces(lines.filter((line) => line.text !== ''));
}

/** An array of records. Its elements are cut out first, so that one that is broken does not hide the others. */
function readJson(text: string): Records {
  if (!text.trimStart().startsWith('[')) return { records: [], problems: [{ line: 1, kind: 'notAnArray' }] };
  const pieces: { line: number; text: string }[] = [];
  let depth = 0;
  let line = 1;
  let inString = false;
  let start: number | undefined;
  let startLine = 1;
  let closed = false;
  const end = (at: number): void => {
    if (start !== undefined) pieces.push({ line: startLine, text: text.slice(start, at) });
    start = undefined;
  };
  for (let i = 0; i < text.length && !closed; i++) {
    const character = text.charAt(i);
    const isSpace = /\s/.test(character);
    if (!inString && depth === 1 && start === undefined && !isSpace && character !== ',' && character !== ']') {
      start = i;
      startLine = line;
    }
    if (character === '\n') line++;
    if (inString) {
      if (character === '\\') i++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') depth++;
    else if (character === ']' || character === '}') {
      if (depth === 1) end(i);
      depth--;
      closed = depth === 0;
    } else if (character === ',' && depth === 1) end(i);
  }
  end(text.length);
  const read = parsePieces(pieces);
  const isCutOff = !closed && !read.problems.some((problem) => problem.kind === 'invalidJson');
  return isCutOff ? { ...read, problems: [...read.problems, { line, kind: 'invalidJson' }] } : read;
}

/** RFC 4180, with the names of the columns in the first row. */
function readCsv(text: string): Records {
  const rows: { line: number; fields: string[] }[] = [];
  const problems: DatasetProblem[] = [];
  let line = 1;
  let row = { line, fields: [] as string[] };
  let field = '';
  let quoted = false;
  const endRow = (): void => {
    row.fields.push(field);
    if (row.fields.length > 1 || field !== '') rows.push(row);
    field = '';
    row = { line, fields: [] };
  };
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === '\n') line++;
    if (quoted) {
      if (character !== '"') field += character;
      else if (text.charAt(i + 1) === '"') field += text.charAt(i++);
      else quoted = false;
    } else if (character === '"' && field === '') quoted = true;
    else if (character === ',') {
      row.fields.push(field);
      field = '';
    } else if (character === '\n') endRow();
    else if (character !== '\r') field += character;
  }
  if (quoted) problems.push({ line: row.line, kind: 'unclosedQuote' });
  else endRow();
  const [header, ...body] = rows;
  const records: DatasetRecord[] = [];
  for (const { line: at, fields } of body) {
    if (fields.length !== header?.fields.length) problems.push({ line: at, kind: 'wrongColumns' });
    else records.push({ line: at, value: Object.fromEntries(header.fields.map((name, index) => [name, fields[index] ?? ''])) });
  }
  return { records, problems };
}
