/** What a scanner throws; the caller knows which file it speaks of. */
export interface JsonFailures {
  /** Not JSON, or not of the expected kind, at this index of the text. */
  invalid(position: number): Error;
  duplicate(key: string): Error;
  /** An integer above 2^53 - 1, which a JavaScript number would silently round. */
  tooLarge(digits: string): Error;
}

/** serde_json stops at the same depth. Deeper nesting would only serve to exhaust the stack. */
const MAX_DEPTH = 128;

/**
 * Keys in the whole text. Twice what the largest header or index that we take needs (2^18 tensors of four keys); without it
 * a header of 100 MB of tiny keys would take gigabytes.
 */
const MAX_KEYS = 2 ** 21;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LITERAL = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/**
 * Strict JSON, read from front to back by someone who knows what comes next. `JSON.parse` will not do for a file from
 * outside: it keeps the last of two equal keys without a word, rounds large integers, and takes `6.0` for 6.
 */
export class JsonScanner {
  readonly #text: string;
  readonly #failures: JsonFailures;
  #at = 0;
  #depth = 0;
  #keys = 0;

  constructor(text: string, failures: JsonFailures) {
    this.#text = text;
    this.#failures = failures;
  }

  /** An object: `member` reads the value of each key. No key may come twice. */
  object(member: (key: string) => void): void {
    const keys = new Set<string>();
    this.#items('{', '}', () => {
      const key = this.string();
      if (keys.has(key)) throw this.#failures.duplicate(key);
      this.#keys += 1;
      if (this.#keys > MAX_KEYS) throw this.#failures.invalid(this.#at);
      keys.add(key);
      this.#take(':');
      member(key);
    });
  }

  array(element: () => void): void {
    this.#items('[', ']', element);
  }

  string(): string {
    this.#take('"');
    const start = this.#at;
    let escaped = false;
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code === QUOTE) break;
      // NaN at the end of the text fails this comparison too.
      if (!(code >= 0x20)) throw this.#failures.invalid(this.#at);
      if (code === BACKSLASH) {
        escaped = true;
        this.#at += 1;
      }
      this.#at += 1;
    }
    const raw = this.#text.slice(start, this.#at);
    this.#at += 1;
    const value = escaped ? this.#unescape(raw, start) : raw;
    if (!value.isWellFormed()) throw this.#failures.invalid(start);
    return value;
  }

  /** A whole number from 0 to 2^53 - 1, written without fraction or exponent. */
  integer(): number {
    this.#space();
    const start = this.#at;
    const raw = this.#literal();
    if (!/^\d+$/.test(raw)) throw this.#failures.invalid(start);
    const value = Number(raw);
    if (!Number.isSafeInteger(value)) throw this.#failures.tooLarge(raw);
    return value;
  }

  /** Reads past a value of any kind and returns its text. Duplicate keys inside it are found as well. */
  skip(): string {
    this.#space();
    const start = this.#at;
    const first = this.#text[start];
    if (first === '{') this.object(() => this.skip());
    else if (first === '[') this.array(() => this.skip());
    else if (first === '"') this.string();
    else this.#literal();
    return this.#text.slice(start, this.#at);
  }

  /** Whether the next value begins with this character. */
  next(character: string): boolean {
    this.#space();
    return this.#text[this.#at] === character;
  }

  /** Nothing but white space may follow. */
  end(): void {
    this.#space();
    if (this.#at < this.#text.length) throw this.#failures.invalid(this.#at);
  }

  #items(open: string, close: string, item: () => void): void {
    this.#take(open);
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#failures.invalid(this.#at);
    if (!this.next(close)) {
      item();
      while (this.next(',')) {
        this.#at += 1;
        item();
      }
    }
    this.#take(close);
    this.#depth -= 1;
  }

  #take(character: string): void {
    if (!this.next(character)) throw this.#failures.invalid(this.#at);
    this.#at += 1;
  }

  #literal(): string {
    LITERAL.lastIndex = this.#at;
    const raw = LITERAL.exec(this.#text)?.[0];
    if (raw === undefined) throw this.#failures.invalid(this.#at);
    this.#at += raw.length;
    return raw;
  }

  #unescape(raw: string, start: number): string {
    try {
      const value: unknown = JSON.parse(`"${raw}"`);
      if (typeof value === 'string') return value;
    } catch {
      // An escape that JSON does not have: reported below with its place.
    }
    throw this.#failures.invalid(start);
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }
}
