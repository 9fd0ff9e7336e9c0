import { useTranslation } from 'react-i18next';
import { Ring } from '../../components/progress.tsx';
import { useFormat } from '../../format.ts';
import type { Phase } from './generation.ts';
import classes from './chat.module.css';

/** What the engine does before the first word comes. */
export function PhaseLine({ phase }: { readonly phase: Phase }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (phase.kind === 'text') return null;
  const fraction =
    phase.kind === 'loading'
      ? phase.fraction
      : phase.kind === 'prompt' && phase.totalTokens > 0
        ? phase.doneTokens / phase.totalTokens
        : null;
  const words =
    phase.kind === 'loading'
      ? t(`chat.stages.${phase.stage}`)
      : phase.kind === 'prompt'
        ? t('chat.phases.prompt', { done: format.number(phase.doneTokens), total: format.number(phase.totalTokens) })
        : phase.kind === 'summary'
          ? t('chat.phases.summary', { count: phase.turns, number: format.number(phase.turns) })
          : t(`chat.phases.${phase.kind}`);
  return (
    <p className={`${classes.phase} num`} role="status">
      <Ring fraction={fraction} size={14} />
      {words}
      {phase.kind === 'loading' && fraction !== null && <span>{format.percent(fraction)}</span>}
    </p>
  );
}
