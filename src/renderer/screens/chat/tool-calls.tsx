import { Button, Textarea } from '@mantine/core';
import { IconMathFunction } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { isBuiltinTool } from '#core/chat/builtin-tools.ts';
import type { ToolCall } from '#core/chat/turn.ts';
import classes from './turns.module.css';

export interface ToolResult {
  readonly callId: string;
  readonly text: string | null;
}

interface Props {
  readonly calls: readonly ToolCall[];
  /** The results stand below already. */
  readonly isAnswered: boolean;
  readonly busy: boolean;
  readonly onResults: (results: readonly ToolResult[]) => void;
}

/** What the model is told where the user says no. English, as the rest of what goes to it. */
const REFUSED = 'The user declined this call.';

/** What the model wants called. Nothing happens until the user says so; a function of the user's own gets its result by hand. */
export function ToolCalls({ calls, isAnswered, busy, onResults }: Props) {
  const { t } = useTranslation();
  const [written, setWritten] = useState<Readonly<Record<string, string>>>({});
  const isMissing = calls.some(({ id, name }) => !isBuiltinTool(name) && (written[id] ?? '').trim() === '');
  return (
    <section className={classes.calls} aria-label={t('chatTools.wanted')}>
      <ul>
        {calls.map((call) => (
          <li key={call.id} className={classes.call}>
            <p className={classes.callHead}>
              <IconMathFunction size={15} stroke={1.8} aria-hidden />
              <strong>{isBuiltinTool(call.name) ? t(`chatTools.builtin.${call.name}.name`) : call.name}</strong>
              {!isAnswered && <span>{t(isBuiltinTool(call.name) ? 'chatTools.byLathe' : 'chatTools.byYou')}</span>}
            </p>
            <pre tabIndex={0} aria-label={t('chatTools.arguments')}>
              {indented(call.arguments)}
            </pre>
            {!isAnswered && !isBuiltinTool(call.name) && (
              <Textarea
                aria-label={t('chatTools.resultOf', { name: call.name })}
                placeholder={t('chatTools.result')}
                autosize
                minRows={1}
                maxRows={8}
                value={written[call.id] ?? ''}
                onChange={(event) => setWritten({ ...written, [call.id]: event.currentTarget.value })}
              />
            )}
          </li>
        ))}
      </ul>
      {!isAnswered && (
        <div className={classes.callFoot}>
          <Button variant="default" disabled={busy} onClick={() => onResults(calls.map(({ id }) => ({ callId: id, text: REFUSED })))}>
            {t('chatTools.refuse')}
          </Button>
          <Button
            disabled={busy || isMissing}
            onClick={() => onResults(calls.map(({ id, name }) => ({ callId: id, text: isBuiltinTool(name) ? null : (written[id] ?? '') })))}
          >
            {t(isMissing ? 'chatTools.missing' : 'chatTools.allow', { count: calls.length })}
          </Button>
        </div>
      )}
    </section>
  );
}

/** What a function gave back. */
export function ToolTurn({ name, text }: { readonly name: string; readonly text: string }) {
  const { t } = useTranslation();
  return (
    <article className={classes.toolResult} aria-label={t('chatTools.resultOf', { name })}>
      <IconMathFunction size={15} stroke={1.8} aria-hidden />
      <strong>{isBuiltinTool(name) ? t(`chatTools.builtin.${name}.name`) : name}</strong>
      <span>{text}</span>
    </article>
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
