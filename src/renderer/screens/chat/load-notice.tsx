import { Button } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { loadChange } from '#core/memory/load.ts';
import type { Remedy } from '#core/memory/fit.ts';
import type { Model } from '#contract/library.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useRemedyText } from '../../components/remedy-text.ts';
import { useLive } from '../../live.ts';
import { apiInUse, asAppError } from '../../queries.ts';
import { errorToast } from '../../toasts.tsx';
import { useLoading } from './load-plan.ts';
import type { Chat } from './use-chat.ts';
import classes from './context.module.css';

/** Above the composer: the model did not fit, and what makes it fit. */
export function LoadNotice({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const status = useLive((state) => state.status);
  const { model, generation, turns } = chat;
  if (model === undefined || generation !== undefined) return null;
  if (status.state !== 'failed' || status.modelId !== model.id || status.error.code !== 'memory.short') return null;
  const last = turns.at(-1)?.message;
  // The answer that was not made says it already; then it is made.
  const unanswered = last?.role === 'assistant' && last.error?.code === 'memory.short' ? last : undefined;
  const remedies = <Remedies model={model} onLoaded={() => unanswered !== undefined && void chat.regenerate(unanswered.id)} />;
  if (unanswered === undefined) return <ErrorPanel error={status.error}>{remedies}</ErrorPanel>;
  return (
    <div className={classes.remedies} role="group" aria-label={t('estimate.fixes')}>
      <span>{t('estimate.fixes')}</span>
      {remedies}
    </div>
  );
}

interface Props {
  readonly model: Model;
  readonly onLoaded: () => void;
}

/** Each way to make it fit is one button; and one goes past the check. */
function Remedies({ model, onLoaded }: Props) {
  const { t } = useTranslation();
  const { plan, change } = useLoading(model);
  const remedyText = useRemedyText();
  const [busy, setBusy] = useState<string | null>(null);
  const load = async (what: string, remedy?: Remedy): Promise<void> => {
    setBusy(what);
    try {
      const changed = remedy === undefined ? undefined : loadChange(remedy);
      if (changed !== undefined) await change(changed);
      await apiInUse().call('chat.load', { modelId: model.id, ...(remedy === undefined ? { force: true } : {}) });
      onLoaded();
    } catch (error) {
      errorToast(asAppError(error));
    } finally {
      setBusy(null);
    }
  };
  const usable = plan?.remedies.filter((remedy) => loadChange(remedy) !== undefined) ?? [];
  return (
    <>
      {usable.map((remedy) => (
        <Button
          key={remedy.kind}
          size="sm"
          variant="light"
          loading={busy === remedy.kind}
          disabled={busy !== null}
          onClick={() => void load(remedy.kind, remedy)}
        >
          {remedyText(remedy, plan?.gpuLayers ?? 0)}
        </Button>
      ))}
      <Button size="sm" variant="subtle" loading={busy === 'force'} disabled={busy !== null} onClick={() => void load('force')}>
        {t('chatLoad.force')}
      </Button>
    </>
  );
}
