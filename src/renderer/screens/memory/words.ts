import { useTranslation } from 'react-i18next';
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

export function useDeviceName(): (device: DeviceAnswer) => string {
  const { t } = useTranslation();
  return ({ device, name }) =>
    device === 'processor' ? t('estimate.processor') : t('estimate.cardNumber', { name: name ?? '', number: device + 1 });
}

/** The answer as lines of text, for mails and issues. */
export function useAnswerText(): (model: string, answer: Answer) => string {
  const { t } = useTranslation();
  const format = useFormat();
  const verdict = useVerdict();
  const nameOf = useDeviceName();
  return (model, answer) =>
    [
      t('estimate.textHead', { model, verdict: verdict(answer) }),
      ...answer.devices.flatMap((device) => [
        `${nameOf(device)}: ${t('estimate.ofCapacity', { used: format.bytes(device.totalBytes), total: format.bytes(device.capacityBytes) })}`,
        ...device.amounts.map(({ kind, bytes }) => `  ${t(`memory.${kind}`)}: ${format.bytes(bytes)}`),
      ]),
    ].join('\n');
}
