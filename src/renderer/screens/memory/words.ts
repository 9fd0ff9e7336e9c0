import { useTranslation } from 'react-i18next';
import type { Remedy } from '#core/memory/fit.ts';
import { useFormat } from '../../format.ts';
import type { Answer, DeviceAnswer, Problem } from '#core/memory/answer.ts';

/** What is wrong with a setting, for its field. */
export function useProblemText(answer: Answer | undefined): (setting: string) => string | null {
  const { t } = useTranslation();
  const format = useFormat();
  return (setting) => {
    const problem: Problem | undefined = answer?.problems.find((one) => one.setting === setting);
    return problem === undefined ? null : t(`estimate.problems.${problem.kind}`, { used: format.number(problem.used) });
  };
}

export function useVerdict(): (answer: Answer) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return ({ status, missingBytes, spareBytes }) =>
    t(`estimate.${status}`, { bytes: format.bytes(status === 'short' ? missingBytes : spareBytes) });
}

export function useRemedyText(): (remedy: Remedy, gpuLayers: number) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return (remedy, gpuLayers) => {
    switch (remedy.kind) {
      case 'context':
        return t('estimate.fix.context', { tokens: format.number(remedy.contextLength) });
      case 'layers':
        return t(remedy.gpuLayers < gpuLayers ? 'estimate.fix.layersFewer' : 'estimate.fix.layersMore', {
          count: remedy.moved,
        });
      case 'cacheType':
        return t('estimate.fix.cacheType', { type: remedy.cacheType });
      case 'flashAttention':
        return t('estimate.fix.flashAttention');
      case 'sequences':
        return t('estimate.fix.sequences', { count: remedy.sequences });
    }
  };
}

export function useDeviceName(card: string | null): (device: DeviceAnswer['device']) => string {
  const { t } = useTranslation();
  return (device) =>
    device === 'processor' || card === null ? t('estimate.processor') : t('estimate.cardNumber', { name: card, number: device + 1 });
}

/** The answer as lines of text, for mails and issues. */
export function useAnswerText(card: string | null): (model: string, answer: Answer) => string {
  const { t } = useTranslation();
  const format = useFormat();
  const verdict = useVerdict();
  const nameOf = useDeviceName(card);
  return (model, answer) =>
    [
      t('estimate.textHead', { model, verdict: verdict(answer) }),
      ...answer.devices.flatMap((device) => [
        `${nameOf(device.device)}: ${t('estimate.ofCapacity', { used: format.bytes(device.totalBytes), total: format.bytes(device.capacityBytes) })}`,
        ...device.amounts.map(({ kind, bytes }) => `  ${t(`memory.${kind}`)}: ${format.bytes(bytes)}`),
      ]),
    ].join('\n');
}
