import { AppError } from '#core/errors/index.ts';
import type { LoraModule } from '#core/lora/adapter.ts';
import type { AdapterBase, BaseTensor } from '#core/lora/base.ts';
import { bindAdapter, type BoundAdapter } from '#core/lora/fit.ts';
import { refuse, type MadeAdapter, type MadeModule } from '#core/lora/made.ts';
import type { OpenedAdapter } from './open-adapter.ts';
import { readFactor, readTensor } from './read-values.ts';

/** The factors of a module in Hugging Face's order, whichever file they are in. */
export async function loadModule(
  { adapter, sources }: OpenedAdapter,
  { module, base }: { readonly module: LoraModule; readonly base: BaseTensor },
): Promise<MadeModule> {
  const { kind, rank, inputs, outputs, scale, a, b } = module;
  const order = adapter.format === 'gguf' && base.heads !== undefined ? ({ heads: base.heads, to: 'halves' } as const) : undefined;
  return {
    base,
    kind,
    rank,
    inputs,
    outputs,
    scale,
    a: await readFactor(sources, { ...a, order: undefined }),
    b: await readFactor(sources, { ...b, order }),
  };
}

/**
 * An adapter in memory, to be written in another format. What GGUF has no place for is refused where it goes there, and what the
 * writer of a PEFT folder leaves to PEFT (DoRA, bias factors, trained tokens) where it comes from one.
 * Throws `adapters.*`.
 */
export async function loadAdapter(opened: OpenedAdapter, base: AdapterBase, signal: AbortSignal): Promise<MadeAdapter> {
  const bound = bindAdapter(opened.adapter, base);
  refusePeftOnly(bound);
  const modules: MadeModule[] = [];
  for (const each of bound.modules) {
    signal.throwIfAborted();
    const module = await loadModule(opened, each);
    for (const values of [module.a, module.b])
      if (values.some((value) => !Number.isFinite(value))) throw new AppError('adapters.notFinite', { tensor: each.module.weight });
    modules.push(module);
  }
  const replaced = [];
  // What is below an adapted module is the base's own, which the other side has as well.
  for (const { replaced: each, base: tensor } of bound.replaced.filter((whole) => !whole.replaced.isWrapped))
    replaced.push({ base: tensor, values: await readTensor(opened.sources, each.tensor) });
  const { baseName, changesTiedPair } = opened.adapter;
  return { base, baseName, modules, replaced, changesTiedPair };
}

/** @throws adapters.notInGguf */
function refusePeftOnly({ modules, rows }: BoundAdapter): void {
  const names = (chosen: BoundAdapter['modules']): string[] => chosen.map(({ module }) => module.weight);
  refuse('use_dora', names(modules.filter(({ module }) => module.magnitude !== undefined)));
  refuse('lora_bias', names(modules.filter(({ module }) => module.bias !== undefined)));
  refuse(
    'trainable_token_indices',
    rows.map((each) => each.rows.weight),
  );
}
