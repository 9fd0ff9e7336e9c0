import { Button } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { TrainingSettings } from '#core/training/settings.ts';
import { useFormat } from '../../format.ts';
import { goTo } from '../../navigation.ts';

/** Errors that say that there is too little memory. */
export const MEMORY_ERRORS: ReadonlySet<string> = new Set(['train.outOfMemory', 'train.tooLittleMemory', 'engine.insufficientMemory']);

/** Shorter rows than this teach little. */
const LEAST_LENGTH = 32;

interface Props {
  readonly settings: Pick<TrainingSettings, 'max_length' | 'gradient_checkpointing' | 'weight_streaming'>;
  readonly baseId: string;
  readonly onTake: (change: Readonly<Record<string, unknown>>) => void;
}

/** What makes a run need less memory, each as a button. */
export function Remedies({ settings, baseId, onTake }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const length = Math.floor(settings.max_length / 2);
  return (
    <>
      {!settings.gradient_checkpointing && (
        <Button variant="default" size="sm" onClick={() => onTake({ gradient_checkpointing: true })}>
          {t('training.settings.gradient_checkpointing')}
        </Button>
      )}
      {length >= LEAST_LENGTH && (
        <Button variant="default" size="sm" onClick={() => onTake({ max_length: length })}>
          {t('training.remedies.length', { tokens: format.number(length) })}
        </Button>
      )}
      {!settings.weight_streaming && (
        <Button variant="default" size="sm" onClick={() => onTake({ weight_streaming: true })}>
          {t('training.settings.weight_streaming')}
        </Button>
      )}
      {(settings.gradient_checkpointing || settings.weight_streaming) && (
        <Button variant="default" size="sm" onClick={() => goTo.convert(baseId)}>
          {t('training.remedies.smaller')}
        </Button>
      )}
    </>
  );
}
