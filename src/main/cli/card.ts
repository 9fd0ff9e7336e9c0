import type { QualityCard } from '#contract/quantize.ts';
import { facts, printable } from './text.ts';

/** Worst tensors that are worth a line. */
const SHOWN_TENSORS = 3;

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

/** What was measured of a model, for people. */
export function cardText({ sourceName, measure }: QualityCard): string {
  const { perplexity, sourcePerplexity, worstTensors, samples } = measure;
  const table = facts([
    ['against', sourceName],
    ['perplexity', `${perplexity.toFixed(3)} (was ${sourcePerplexity.toFixed(3)})`],
    ['mean KL', `${measure.meanKl.toFixed(5)} ± ${measure.meanKlError.toFixed(5)} nats`],
    ['99.9 % KL', `${measure.kl999.toFixed(4)} nats`],
    ['same top token', percent(measure.topOneAgreement)],
    [
      'text',
      `${measure.textName}: ${measure.tokens.toLocaleString('en')} predictions in ${measure.windows.toLocaleString('en')} windows of ${measure.contextLength}`,
    ],
    [
      'worst tensors',
      worstTensors
        .slice(0, SHOWN_TENSORS)
        .map(({ name, to, relativeError }) => `${name} ${to} ${percent(relativeError)}`)
        .join(', '),
    ],
  ]);
  const examples = samples.map(({ prompt, source, variant }) =>
    [`  ${printable(prompt)}`, `    before: ${printable(source)}`, `    after:  ${printable(variant)}`].join('\n'),
  );
  return [table, ...examples].join('\n');
}
