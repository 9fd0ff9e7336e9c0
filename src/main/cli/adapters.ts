import { AppError } from '#core/errors/index.ts';
import type { AdapterUse, Certificate } from '#contract/adapters.ts';
import type { CommandContext } from './command.ts';
import { findModel } from './model.ts';
import { facts, printable, table } from './text.ts';
import { numberOf, usage } from './values.ts';

/** Weights that are worth a line in a certificate. */
const SHOWN_TENSORS = 5;

/** Strengths that the contract takes. */
const SCALE_RANGE = { min: -100, max: 100 };

/** `A` or `A:0.5`. A drive letter's colon is followed by no number. */
export function parseAdapter(text: string, option: string): { readonly reference: string; readonly scale: number } {
  const found = /^(.+):([+-]?[\d.]+(?:e[+-]?\d+)?)$/i.exec(text);
  if (found?.[1] === undefined) return { reference: text, scale: 1 };
  return { reference: found[1], scale: numberOf(option, found[2], SCALE_RANGE) ?? 1 };
}

/** The adapters that an option names, in their order. Throws `cli.usage` where there is none. */
export async function findAdapters(context: CommandContext, texts: readonly string[] | undefined): Promise<AdapterUse[]> {
  if (texts === undefined) throw usage('--adapter is missing');
  const uses: AdapterUse[] = [];
  for (const text of texts) {
    const { reference, scale } = parseAdapter(text, 'adapter');
    uses.push({ adapterId: (await findModel(context, reference)).id, scale });
  }
  return uses;
}

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** A certificate, for people. */
export function certificateText({ baseName, adapters, measure }: Certificate): string {
  const { verdict, findings, runtime, tensors, samples } = measure;
  const summary = facts([
    ['verdict', verdict],
    ['base', baseName],
    ['adapters', adapters.map(({ name, scale }) => `${name} × ${scale}`).join(', ')],
    ['weights', `${measure.changedTensors.toLocaleString('en')} changed of ${measure.checkedTensors.toLocaleString('en')}`],
    ['mean KL', runtime === null ? undefined : `${runtime.meanKl.toExponential(2)} nats (at most ${runtime.boundMeanKl.toExponential(2)})`],
    ['max KL', runtime === null ? undefined : `${runtime.maxKl.toExponential(2)} nats`],
    ['same top token', runtime === null ? undefined : percent(runtime.topOneAgreement)],
    ['effect', runtime === null ? undefined : `${runtime.effectKl.toExponential(2)} nats from the base`],
  ]);
  const reasons = findings.map((finding) => `- ${printable(AppError.from(finding).message)}`);
  const columns = [
    { title: 'weight', max: 48 },
    { title: 'error', align: 'right' as const },
    { title: 'bound', align: 'right' as const },
    { title: 'change', align: 'right' as const },
    { title: 'strength', align: 'right' as const },
    { title: 'verdict' },
  ];
  const rows = tensors
    .slice(0, SHOWN_TENSORS)
    .map((tensor) => [
      tensor.name,
      percent(tensor.relativeError),
      percent(tensor.bound),
      percent(tensor.relativeChange),
      tensor.strength === null ? '–' : tensor.strength.toFixed(3),
      tensor.verdict,
    ]);
  const examples = samples.map(({ prompt, runtime: beside, merged }) =>
    [`  ${printable(prompt)}`, `    run time: ${printable(beside)}`, `    merged:   ${printable(merged)}`].join('\n'),
  );
  return [summary, ...reasons, ...(rows.length > 0 ? [table(columns, rows)] : []), ...examples].join('\n');
}
