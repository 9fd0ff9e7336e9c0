/**
 * The regular expressions of `rank_pattern` and `alpha_pattern`. They come with the adapter, from outside, so they are matched in
 * time that grows with pattern times name, whatever they are: as a set of states, not by trying (Thompson 1968). What the parser
 * does not know (look-around, back references, lazy and possessive repeats change nothing or are refused) is refused.
 */

/** Longer ones are no names of modules. */
const MAX_PATTERN_LENGTH = 512;
/** A repeat `{m,n}` is written out so many times at most. */
const MAX_REPEAT = 64;
/** States of a whole pattern: repeats of repeats are written out. */
const MAX_STATES = 10_000;
/** Steps of writing repeats out: a repeat of nothing makes no state, however often it is repeated. */
const MAX_BUILD_STEPS = 100_000;

type Test = (character: string) => boolean;

/** A state of the automaton: it takes a character, or goes on without one. */
type State =
  | { readonly kind: 'take'; readonly test: Test; next: number }
  | { readonly kind: 'split'; next: number; other: number }
  | { readonly kind: 'start' | 'end'; next: number }
  | { readonly kind: 'done' };

type Node =
  | { readonly kind: 'take'; readonly test: Test }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly Node[] }
  | { readonly kind: 'repeat'; readonly part: Node; readonly least: number; readonly most: number };

class PatternProblem extends Error {}

/** What all patterns of one adapter may take together. */
export interface PatternBudget {
  /** In memory; most patterns are plain paths, which have none. */
  states: number;
  /** States looked at while names are matched: so many take some seconds. */
  visits: number;
}

export const patternBudget = (): PatternBudget => ({ states: 200_000, visits: 3e7 });

/** The patterns of an adapter take longer on its names than those of any real one. */
export class PatternsTooSlow extends Error {}

/**
 * Whether a module's path matches, as PEFT asks: `^(.*\.)?(pattern)$`. What it gives throws `PatternsTooSlow` when the budget is spent.
 * @returns null where the pattern cannot be read
 */
export function modulePattern(pattern: string, budget = patternBudget()): ((path: string) => boolean) | null {
  if (pattern.length > MAX_PATTERN_LENGTH) return null;
  try {
    const parsed = new Parser(pattern).parse();
    const plain = plainPath(parsed);
    if (plain !== null) return plain;
    const any: Node = { kind: 'take', test: (character) => character !== '\n' };
    const dot: Node = { kind: 'take', test: (character) => character === '.' };
    const parents: Node = { kind: 'sequence', parts: [repeated(any, 0, Infinity), dot] };
    const automaton = compile({ kind: 'sequence', parts: [repeated(parents, 0, 1), parsed] }, Math.min(budget.states, MAX_STATES));
    budget.states -= automaton.states.length;
    return (path) => matches(automaton, path, budget);
  } catch (error) {
    if (error instanceof PatternProblem) return null;
    throw error;
  }
}

/**
 * A pattern of nothing but characters, as most are: compared with the end of the path. An adapter may have one for each of hundreds
 * of modules.
 */
function plainPath(parsed: Node): ((path: string) => boolean) | null {
  const only = parsed.kind === 'choice' && parsed.parts.length === 1 ? parsed.parts[0] : undefined;
  if (only?.kind !== 'sequence') return null;
  const isWhole = only.parts[0]?.kind === 'start';
  const tests = only.parts.slice(isWhole ? 1 : 0).map((part) => (part.kind === 'take' ? part.test : null));
  if (tests.includes(null)) return null;
  return (path) => {
    const first = path.length - tests.length;
    if (first !== 0 && (isWhole || path[first - 1] !== '.')) return false;
    return tests.every((test, i) => test?.(path[first + i] ?? '') === true);
  };
}

const repeated = (part: Node, least: number, most: number): Node => ({ kind: 'repeat', part, least, most });

const isDigit: Test = (character) => /^\d$/.test(character);
const isWord: Test = (character) => /^\w$/.test(character);
const isSpace: Test = (character) => /^\s$/.test(character);
const classes: Readonly<Record<string, Test>> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: (character) => !isDigit(character),
  W: (character) => !isWord(character),
  S: (character) => !isSpace(character),
};

class Parser {
  private readonly pattern: string;
  private at = 0;

  constructor(pattern: string) {
    this.pattern = pattern;
  }

  parse(): Node {
    const node = this.choice();
    if (this.at < this.pattern.length) throw new PatternProblem();
    return node;
  }

  private next(): string | undefined {
    return this.pattern[this.at];
  }

  private takes(text: string): boolean {
    if (!this.pattern.startsWith(text, this.at)) return false;
    this.at += text.length;
    return true;
  }

  private choice(): Node {
    const parts = [this.sequence()];
    while (this.takes('|')) parts.push(this.sequence());
    return { kind: 'choice', parts };
  }

  private sequence(): Node {
    const parts: Node[] = [];
    for (let next = this.next(); next !== undefined && next !== '|' && next !== ')'; next = this.next()) parts.push(this.repeat());
    return { kind: 'sequence', parts };
  }

  private repeat(): Node {
    const part = this.atom();
    const [least, most] = this.takes('*')
      ? [0, Infinity]
      : this.takes('+')
        ? [1, Infinity]
        : this.takes('?')
          ? [0, 1]
          : this.next() === '{'
            ? this.counts()
            : [1, 1];
    // A lazy repeat matches the same names.
    if (most !== 1 || least !== 1) this.takes('?');
    if ('*+?{'.includes(this.next() ?? ' ')) throw new PatternProblem();
    return least === 1 && most === 1 ? part : repeated(part, least, most);
  }

  private counts(): [number, number] {
    const found = /^\{(\d{1,3})(,(\d{0,3}))?\}/.exec(this.pattern.slice(this.at));
    if (found === null) throw new PatternProblem();
    this.at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === undefined ? least : found[3] === '' ? Infinity : Number(found[3]);
    if (least > MAX_REPEAT || (most !== Infinity && (most > MAX_REPEAT || most < least))) throw new PatternProblem();
    return [least, most];
  }

  private atom(): Node {
    if (this.takes('(')) {
      if (!this.takes('?:') && this.next() === '?') throw new PatternProblem();
      const inner = this.choice();
      if (!this.takes(')')) throw new PatternProblem();
      return inner;
    }
    if (this.takes('^')) return { kind: 'start' };
    if (this.takes('$')) return { kind: 'end' };
    if (this.takes('.')) return { kind: 'take', test: (character) => character !== '\n' };
    if (this.takes('[')) return { kind: 'take', test: this.set() };
    if (this.takes('\\')) return { kind: 'take', test: this.escaped() };
    const literal = this.next();
    if (literal === undefined || '*+?{)'.includes(literal)) throw new PatternProblem();
    this.at += 1;
    return { kind: 'take', test: (character) => character === literal };
  }

  private escaped(): Test {
    const name = this.next();
    if (name === undefined) throw new PatternProblem();
    this.at += 1;
    const known = classes[name];
    if (known !== undefined) return known;
    if (/[A-Za-z0-9]/.test(name)) throw new PatternProblem();
    return (character) => character === name;
  }

  private set(): Test {
    const isInverse = this.takes('^');
    const tests: Test[] = [];
    for (let isFirst = true; isFirst || !this.takes(']'); isFirst = false) {
      const from = this.next();
      if (from === undefined) throw new PatternProblem();
      this.at += 1;
      if (from === '\\') {
        tests.push(this.escaped());
        continue;
      }
      const to = this.pattern[this.at + 1];
      if (this.next() === '-' && to !== undefined && to !== ']') {
        if (to === '\\') throw new PatternProblem();
        this.at += 2;
        tests.push((character) => character >= from && character <= to);
      } else tests.push((character) => character === from);
    }
    const isIn: Test = (character) => tests.some((test) => test(character));
    return isInverse ? (character) => !isIn(character) : isIn;
  }
}

/** The automaton of a pattern; state 0 is its end. */
function compile(pattern: Node, maxStates: number): { readonly states: readonly State[]; readonly first: number } {
  const states: State[] = [{ kind: 'done' }];
  const add = (state: State): number => {
    if (states.length >= maxStates) throw new PatternProblem();
    states.push(state);
    return states.length - 1;
  };
  let steps = 0;
  /** The first state of a node after which `next` follows. */
  const build = (node: Node, next: number): number => {
    steps += 1;
    if (steps > MAX_BUILD_STEPS) throw new PatternProblem();
    switch (node.kind) {
      case 'take':
        return add({ kind: 'take', test: node.test, next });
      case 'start':
      case 'end':
        return add({ kind: node.kind, next });
      case 'sequence':
        return node.parts.reduceRight((after, part) => build(part, after), next);
      case 'choice':
        return node.parts.map((part) => build(part, next)).reduceRight((other, first) => add({ kind: 'split', next: first, other }));
      case 'repeat': {
        let first = next;
        if (node.most === Infinity) {
          const loop: State = { kind: 'split', next: 0, other: next };
          first = add(loop);
          loop.next = build(node.part, first);
        } else for (let i = node.least; i < node.most; i += 1) first = add({ kind: 'split', next: build(node.part, first), other: next });
        for (let i = 0; i < node.least; i += 1) first = build(node.part, first);
        return first;
      }
    }
  };
  return { first: build(pattern, 0), states };
}

function matches(
  { states, first }: { readonly states: readonly State[]; readonly first: number },
  path: string,
  budget: PatternBudget,
): boolean {
  let present = new Set<number>();
  const reach = (start: number, into: Set<number>, position: number): void => {
    const open = [start];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const state = states[index];
      if (state === undefined || into.has(index)) continue;
      into.add(index);
      if (state.kind === 'split') open.push(state.next, state.other);
      else if ((state.kind === 'start' && position === 0) || (state.kind === 'end' && position === path.length)) open.push(state.next);
    }
  };
  reach(first, present, 0);
  for (let position = 0; position < path.length; position += 1) {
    budget.visits -= present.size;
    if (budget.visits < 0) throw new PatternsTooSlow();
    const following = new Set<number>();
    for (const index of present) {
      const state = states[index];
      if (state?.kind === 'take' && state.test(path[position] ?? '')) reach(state.next, following, position + 1);
    }
    present = following;
  }
  return present.has(0);
}
