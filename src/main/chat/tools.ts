import { BUILTIN_TOOLS, isBuiltinTool, type BuiltinToolName } from '#core/chat/builtin-tools.ts';
import { calculate, CalculationProblem } from '#core/chat/calculator.ts';
import type { Tool, ToolCall } from '#core/chat/turn.ts';
import { AppError } from '#core/errors/index.ts';
import { formatBytes } from '#core/bytes.ts';
import type { Model } from '#contract/library.ts';
import type { Settings } from '#contract/system.ts';

/** More would fill a context with names. */
const MAX_FOUND = 20;

interface ToolsOptions {
  readonly settings: () => Pick<Settings, 'tools'>;
  readonly models: () => readonly Model[];
  readonly clock: () => number;
}

/** The functions that models can be told of, and how Lathe's own are carried out. */
export function chatTools({ settings, models, clock }: ToolsOptions) {
  const own: Readonly<Record<BuiltinToolName, (given: Readonly<Record<string, unknown>>) => string>> = {
    calculator: ({ expression }) => {
      try {
        return String(calculate(textOf(expression)));
      } catch (error) {
        // The model reads what is wrong, and can ask again.
        if (error instanceof CalculationProblem) return `Error: ${error.message}`;
        throw error;
      }
    },
    clock: () => {
      const now = new Date(clock());
      const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
      return new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'long', timeZone }).format(now);
    },
    library_search: ({ query }) => {
      const words = textOf(query).toLowerCase().split(/\s+/).filter(Boolean);
      const found = models().filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
      const lines = found
        .slice(0, MAX_FOUND)
        .map(({ name, kind, sizeBytes, facts }) =>
          [name, kind, formatBytes(sizeBytes), facts.quantization ?? ''].filter(Boolean).join(', '),
        );
      if (found.length > MAX_FOUND) lines.push(`and ${found.length - MAX_FOUND} more`);
      return lines.length === 0 ? 'No model was found.' : lines.join('\n');
    },
  };

  return {
    /** The functions with these names that are there. The user's own come before Lathe's of the same name. */
    named: (names: readonly string[]): Tool[] => {
      const known = new Map<string, Tool>([...BUILTIN_TOOLS, ...settings().tools].map((tool) => [tool.name, tool]));
      return names.flatMap((name) => known.get(name) ?? []);
    },
    /** Carry out one of Lathe's own functions. Throws `chat.unknownTool`. */
    call: ({ name, arguments: given }: ToolCall): string => {
      if (!isBuiltinTool(name)) throw new AppError('chat.unknownTool', { name });
      return own[name](argumentsOf(given));
    },
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

function argumentsOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
