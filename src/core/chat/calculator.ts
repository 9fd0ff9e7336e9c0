/**
 * Arithmetic of a written expression: `+ - * / % ^`, brackets, functions and constants. A small grammar of its own rather than
 * a language's evaluator: what a model writes is never run as code.
 */

/** Longer is no arithmetic that someone would ask for, and deeper could exhaust the stack. */
const MAX_LENGTH = 2000;
const MAX_DEPTH = 100;

const FUNCTIONS: Readonly<Record<string, (...of: number[]) => number>> = {
  abs: Math.abs,
  acos: Math.acos,
  asin: Math.asin,
  atan: Math.atan,
  ceil: Math.ceil,
  cos: Math.cos,
  exp: Math.exp,
  floor: Math.floor,
  ln: Math.log,
  log: Math.log10,
  log10: Math.log10,
  log2: Math.log2,
  max: Math.max,
  min: Math.min,
  pow: (base, exponent) => (base ?? NaN) ** (exponent ?? NaN),
  round: Math.round,
  sin: Math.sin,
  sqrt: Math.sqrt,
  tan: Math.tan,
};
const CONSTANTS: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E, tau: 2 * Math.PI };

/** Why an expression has no value, in plain words. */
export class CalculationProblem extends Error {}

/** The value of an expression. Throws `CalculationProblem`, also where the value is not finite. */
export function calculate(expression: string): number {
  if (expression.length > MAX_LENGTH) throw new CalculationProblem(`the expression is longer than ${MAX_LENGTH} characters`);
  const tokens = tokensOf(expression);
  let at = 0;
  let depth = 0;
  const take = (...wanted: string[]): string | undefined => {
    const token = tokens[at];
    if (token === undefined || !wanted.includes(token)) return undefined;
    at += 1;
    return token;
  };
  const expect = (wanted: string): void => {
    if (take(wanted) === undefined)
      throw new CalculationProblem(`expected "${wanted}"${tokens[at] === undefined ? ' at the end' : ` before "${tokens[at]}"`}`);
  };
  const nested = (read: () => number): number => {
    depth += 1;
    if (depth > MAX_DEPTH) throw new CalculationProblem('the brackets are nested too deeply');
    const value = read();
    depth -= 1;
    return value;
  };

  const sum = (): number => {
    let value = product();
    for (let sign = take('+', '-'); sign !== undefined; sign = take('+', '-')) value = sign === '+' ? value + product() : value - product();
    return value;
  };
  const product = (): number => {
    let value = signed();
    for (let sign = take('*', '/', '%'); sign !== undefined; sign = take('*', '/', '%')) {
      const right = signed();
      value = sign === '*' ? value * right : sign === '/' ? value / right : value % right;
    }
    return value;
  };
  // A sign binds weaker than a power: -2 ^ 2 is -4, and 2 ^ -2 is a quarter.
  const signed = (): number => nested(() => (take('-') !== undefined ? -signed() : take('+') !== undefined ? signed() : power()));
  const power = (): number => {
    const base = value();
    return take('^') === undefined ? base : base ** signed();
  };
  const value = (): number => {
    if (take('(') !== undefined) {
      const inner = nested(sum);
      expect(')');
      return inner;
    }
    const token = tokens[at];
    if (token === undefined) throw new CalculationProblem('the expression ends too early');
    at += 1;
    if (/^[\d.]/.test(token)) return Number(token);
    const name = token.toLowerCase();
    if (Object.hasOwn(CONSTANTS, name)) return CONSTANTS[name] ?? NaN;
    const apply = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
    if (apply === undefined) throw new CalculationProblem(`"${token}" is not known`);
    expect('(');
    const given = [nested(sum)];
    while (take(',') !== undefined) given.push(nested(sum));
    expect(')');
    return apply(...given);
  };

  const result = sum();
  if (at < tokens.length) throw new CalculationProblem(`"${tokens[at]}" stands where nothing can stand`);
  if (!Number.isFinite(result)) throw new CalculationProblem('the result is not a finite number');
  return result;
}

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  const text = expression.replaceAll('**', '^').replaceAll('×', '*').replaceAll('÷', '/').replaceAll('−', '-');
  const pattern = /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|([-+*/%^(),]))/y;
  while (pattern.lastIndex < text.length) {
    const from = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) {
      if (text.slice(from).trim() === '') break;
      throw new CalculationProblem(`"${text.slice(from).trim().slice(0, 12)}" cannot be read`);
    }
    tokens.push(match[1] ?? match[2] ?? match[3] ?? '');
  }
  return tokens;
}
