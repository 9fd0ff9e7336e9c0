import { Button, Select, Textarea } from '@mantine/core';
import { IconCircleCheck } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Sampling } from '#contract/chat.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useAction } from '../../queries.ts';
import { Group } from './sampling-fields.tsx';
import type { Chat } from './use-chat.ts';
import classes from './panel.module.css';

type Format = NonNullable<Sampling['format']>;
type Kind = 'free' | Format['type'];

const KINDS: readonly Kind[] = ['free', 'json', 'schema', 'grammar'];

const EXAMPLE_SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, year: { type: 'integer' } },
  required: ['name', 'year'],
  additionalProperties: false,
};
const EXAMPLE_GRAMMAR = 'root ::= "yes" | "no"\n';

const exampleOf = (kind: Kind): Format | undefined => {
  if (kind === 'json') return { type: 'json' };
  if (kind === 'schema') return { type: 'schema', schema: EXAMPLE_SCHEMA };
  return kind === 'grammar' ? { type: 'grammar', grammar: EXAMPLE_GRAMMAR } : undefined;
};

const textOf = (format: Format | undefined): string => {
  if (format?.type === 'schema') return JSON.stringify(format.schema, null, 2);
  return format?.type === 'grammar' ? format.grammar : '';
};

/** What an answer has to look like. Only what has been checked is used. */
export function FormatField({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { sampling } = chat.settings;
  const kind: Kind = sampling.format?.type ?? 'free';
  const choose = (next: Kind): void => chat.change({ sampling: { ...sampling, format: exampleOf(next) } });
  return (
    <Group title={t('chatFormat.title')} open={kind !== 'free'} isChanged={kind !== 'free'}>
      <Select
        aria-label={t('chatFormat.title')}
        allowDeselect={false}
        value={kind}
        data={KINDS.map((value) => ({ value, label: t(`chatFormat.kinds.${value}`) }))}
        onChange={(next) => next !== null && choose(next)}
      />
      <p className={classes.note}>{t(`chatFormat.notes.${kind}`)}</p>
      {(kind === 'schema' || kind === 'grammar') && (
        <Editor
          key={`${chat.threadId ?? ''}${kind}`}
          kind={kind}
          saved={textOf(sampling.format)}
          onUse={(format) => chat.change({ sampling: { ...sampling, format } })}
        />
      )}
    </Group>
  );
}

interface EditorProps {
  readonly kind: 'schema' | 'grammar';
  readonly saved: string;
  readonly onUse: (format: Format) => void;
}

function Editor({ kind, saved, onUse }: EditorProps) {
  const { t } = useTranslation();
  const check = useAction('chat.checkFormat');
  const [typed, setTyped] = useState(saved);
  const [problem, setProblem] = useState<string | null>(null);
  const use = (): void => {
    const format = formatOf(kind, typed);
    if ('problem' in format) return setProblem(format.problem);
    setProblem(null);
    check.mutate({ format }, { onSuccess: () => onUse(format) });
  };
  const isUsed = typed === saved && problem === null;
  return (
    <>
      <Textarea
        className={classes.code ?? ''}
        aria-label={t(`chatFormat.kinds.${kind}`)}
        error={problem}
        autosize
        minRows={6}
        maxRows={18}
        spellCheck={false}
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value);
          setProblem(null);
          check.reset();
        }}
      />
      {check.error !== null && <ErrorPanel error={check.error} />}
      <div className={classes.formatFoot}>
        {isUsed && check.isSuccess && (
          <span className={classes.good} role="status">
            <IconCircleCheck size={15} aria-hidden />
            {t('chatFormat.good')}
          </span>
        )}
        <Button variant="default" loading={check.isPending} onClick={use}>
          {t(isUsed ? 'chatFormat.check' : 'chatFormat.use')}
        </Button>
      </div>
    </>
  );
}

/** What was written as a format, or what is wrong with it before llama.cpp is asked. */
function formatOf(kind: 'schema' | 'grammar', text: string): Format | { readonly problem: string } {
  if (kind === 'grammar') return { type: 'grammar', grammar: text };
  try {
    const schema: unknown = JSON.parse(text);
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return { problem: 'Expected an object: { … }' };
    return { type: 'schema', schema: { ...schema } };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
