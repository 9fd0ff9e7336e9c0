import { AppError, type AppErrorData } from '../errors/index.ts';
import { excerpt } from '../excerpt.ts';
import type { Adapter, LoraModule, ReplacedRows, ReplacedTensor } from './adapter.ts';
import type { AdapterBase, BaseTensor } from './base.ts';
import { shapeText } from './peft.ts';

/** An adapter's parts, each with the tensor of a base that it changes. */
export interface BoundAdapter {
  readonly adapter: Adapter;
  readonly modules: readonly { readonly module: LoraModule; readonly base: BaseTensor; readonly bias: BaseTensor | undefined }[];
  readonly replaced: readonly { readonly replaced: ReplacedTensor; readonly base: BaseTensor }[];
  readonly rows: readonly { readonly rows: ReplacedRows; readonly base: BaseTensor }[];
}

/** Whether an adapter fits a model. */
export interface AdapterFit {
  /** Why it does not: at most one of each kind, the first found. Empty: it fits. */
  readonly problems: readonly AppErrorData[];
  /** What is no obstacle, but should be known. */
  readonly warnings: readonly AppErrorData[];
  /** Undefined where there are problems. */
  readonly bound: BoundAdapter | undefined;
}

/**
 * Hold an adapter against a model: names, shapes, vocabulary, and the base that it was trained on. Pure and quick.
 * @param baseName what the model is called, and what it calls itself
 */
export function fitAdapter(adapter: Adapter, base: AdapterBase, baseNames: readonly string[] = []): AdapterFit {
  const problems = new Map<string, AppErrorData>();
  const add = (problem: AppErrorData): undefined => {
    const before = problems.get(problem.code);
    // Of weights that are missing, how many there are says more than their names.
    const count = before?.params['count'];
    if (before === undefined) problems.set(problem.code, problem);
    else if (typeof count === 'number') problems.set(problem.code, { ...before, params: { ...before.params, count: count + 1 } });
    return undefined;
  };
  if (adapter.architecture !== undefined && adapter.architecture !== base.architecture)
    add({ code: 'adapters.otherArchitecture', params: { adapter: excerpt(adapter.architecture), base: base.architecture } });

  const find = (name: string): BaseTensor | undefined => {
    const canonical = adapter.format === 'gguf' ? name : (base.canonicalName(name) ?? name);
    const found = (adapter.format === 'gguf' ? base.byGguf : base.byHf).get(canonical);
    if (found !== undefined) return found;
    const isHead = canonical === base.embedding.output || (adapter.format === 'gguf' && canonical === 'output.weight');
    if (isHead && base.tiedHead !== undefined) return add({ code: 'adapters.tiedHead', params: { tensor: excerpt(name) } });
    if (name.endsWith('.bias')) return add({ code: 'adapters.noBias', params: { tensor: excerpt(name.replace(/\.bias$/, '')) } });
    return add({ code: 'adapters.noSuchWeight', params: { tensor: excerpt(name), count: 1 } });
  };
  const holdShape = (tensor: BaseTensor, name: string, shape: readonly number[]): boolean => {
    if (shape.length === tensor.shape.length && shape.every((size, i) => size === tensor.shape[i])) return true;
    const [rows = 0] = shape;
    const [baseRows = 0] = tensor.shape;
    const isPerToken = tensor.hf === base.embedding.input || tensor.hf === base.embedding.output;
    if (isPerToken && rows !== baseRows && shape[1] === tensor.shape[1])
      add({ code: 'adapters.otherVocabulary', params: { rows, baseRows } });
    else
      add({
        code: 'adapters.baseMismatch',
        params: { tensor: excerpt(name), shape: shapeText(shape), baseShape: shapeText(tensor.shape) },
      });
    return false;
  };

  const modules = adapter.modules.flatMap((module) => {
    const { weight, kind, inputs, outputs } = module;
    const tensor = find(weight);
    const bias = module.bias === undefined ? undefined : find(weight.replace(/\.weight$/, '.bias'));
    if (tensor === undefined || (module.bias !== undefined && bias === undefined)) return [];
    // A Conv1D and an embedding keep their inputs first.
    const isTurned = kind === 'embedding' || tensor.isConv1d;
    if (!holdShape(tensor, weight, isTurned ? [inputs, outputs] : [outputs, inputs])) return [];
    return [{ module, base: tensor, bias }];
  });
  const replaced = adapter.replaced.flatMap((each) => {
    const { name, tensor } = each;
    // A whole output matrix parts from the embedding that it was tied to.
    if (base.tiedHead !== undefined && base.canonicalName(name) === base.embedding.output)
      return holdShape(base.tiedHead, name, tensor.shape) ? [{ replaced: each, base: base.tiedHead }] : [];
    const found = find(name);
    return found !== undefined && holdShape(found, name, tensor.shape) ? [{ replaced: each, base: found }] : [];
  });
  const rows = adapter.rows.flatMap((each) => {
    const found = find(each.weight);
    if (found === undefined) return [];
    const [count = 0, width = 0] = found.shape;
    const highest = each.tokens.reduce((most, token) => Math.max(most, token), -1);
    if (highest >= count) return add({ code: 'adapters.otherVocabulary', params: { rows: highest + 1, baseRows: count } }) ?? [];
    return holdShape(found, each.weight, [count, each.tensor.shape[1] ?? 0]) && width > 0 ? [{ rows: each, base: found }] : [];
  });
  return {
    problems: [...problems.values()],
    warnings: problems.size > 0 ? [] : baseWarning(adapter, baseNames),
    bound: problems.size > 0 ? undefined : { adapter, modules, replaced, rows },
  };
}

/** The same, or an error. @throws the first of the fit's problems */
export function bindAdapter(adapter: Adapter, base: AdapterBase): BoundAdapter {
  const { bound, problems } = fitAdapter(adapter, base);
  if (bound !== undefined) return bound;
  throw AppError.from(problems[0] ?? { code: 'adapters.noSuchWeight', params: { tensor: '?', count: 1 } });
}

/** Names are compared by their last part, letters and digits alone: `meta-llama/Llama-3.2-1B` is `llama 3.2 1b`. */
const nameKey = (name: string): string =>
  (name.split(/[/\\]/).findLast((part) => part !== '') ?? '').toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

function baseWarning({ baseName }: Adapter, baseNames: readonly string[]): readonly AppErrorData[] {
  const [base] = baseNames;
  if (baseName === undefined || base === undefined) return [];
  const recorded = nameKey(baseName);
  // A version of it (`-Q4_K_M`, `-GGUF`, `-4bit`) has its name within its own.
  const isSame = recorded === '' || baseNames.some((name) => nameKey(name).includes(recorded) || recorded.includes(nameKey(name) || '\0'));
  return isSame ? [] : [{ code: 'adapters.otherBase', params: { recorded: excerpt(baseName), base: excerpt(base) } }];
}
