import { Button, Modal, Tabs, Textarea } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { CopyButton } from '../../components/copy-button.tsx';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { useFormat } from '../../format.ts';
import { keyOf, queryClient, useAction, useCall } from '../../queries.ts';
import { markSpecial } from './special-tokens.ts';
import type { Chat } from './use-chat.ts';
import classes from './context.module.css';

/** What the model really gets to read, to the token, and the template that makes it. */
export function PromptDialog({ chat, onClose }: { readonly chat: Chat; readonly onClose: () => void }) {
  const { t } = useTranslation();
  const { modelId, mode } = chat.settings;
  return (
    <Modal
      opened
      onClose={onClose}
      size="52rem"
      yOffset="6vh"
      title={t('chatContext.prompt.title')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <Tabs defaultValue="prompt" keepMounted={false}>
        <Tabs.List>
          <Tabs.Tab value="prompt">{t('chatContext.prompt.tab')}</Tabs.Tab>
          {mode === 'chat' && modelId !== null && <Tabs.Tab value="template">{t('chatContext.template.tab')}</Tabs.Tab>}
        </Tabs.List>
        <Tabs.Panel value="prompt">
          <Prompt chat={chat} />
        </Tabs.Panel>
        {modelId !== null && (
          <Tabs.Panel value="template">
            <Template modelId={modelId} />
          </Tabs.Panel>
        )}
      </Tabs>
    </Modal>
  );
}

function Prompt({
  chat: {
    report,
    settings: { sampling },
  },
}: {
  readonly chat: Chat;
}) {
  const { t } = useTranslation();
  const format = useFormat();
  const parts = useMemo(() => markSpecial(report?.text ?? '', report?.specialTokens ?? []), [report]);
  if (report === null) return <p className={classes.promptHead}>{t('chatContext.prompt.none')}</p>;
  return (
    <>
      <div className={`${classes.promptHead} num`}>
        <span>
          {t('chatContext.prompt.count', { count: report.promptTokens, number: format.number(report.promptTokens) })}
          {report.droppedTurns > 0 &&
            ` · ${t(sampling.contextPolicy === 'summarise' ? 'chatContext.summarises' : 'chatContext.drops', { count: report.droppedTurns, number: format.number(report.droppedTurns) })}`}
        </span>
        <CopyButton text={report.text} label={t('chatContext.prompt.copy')} />
      </div>
      {/* Scrolls: reachable by keyboard. */}
      <pre className={classes.prompt} tabIndex={0} aria-label={t('chatContext.prompt.title')}>
        {parts.map(({ text, isSpecial }, index) =>
          isSpecial ? (
            <mark key={index} className={classes.special}>
              {text}
            </mark>
          ) : (
            text
          ),
        )}
      </pre>
    </>
  );
}

function Template({ modelId }: { readonly modelId: string }) {
  const { t } = useTranslation();
  const details = useCall('library.get', { modelId });
  const template = useCall('chat.template', { modelId });
  const action = useAction('chat.setTemplate');
  const [typed, setTyped] = useState<string | null>(null);
  const override = template.data?.override ?? null;
  const own = details.data?.chatTemplate ?? '';
  const value = typed ?? override ?? own;
  const save = (source: string | null): void =>
    action.mutate(
      { modelId, source },
      {
        onSuccess: (saved) => {
          setTyped(null);
          queryClient.setQueryData(keyOf('chat.template', { modelId }), saved);
          // What was counted was counted with the other template.
          void queryClient.invalidateQueries({ queryKey: ['chat.prompt'] });
        },
      },
    );
  const problem = action.error ?? template.error ?? details.error;
  return (
    <>
      <div className={classes.promptHead}>
        <span>{t(override === null ? 'chatContext.template.own' : 'chatContext.template.changed')}</span>
      </div>
      <Textarea
        className={classes.template ?? ''}
        aria-label={t('chatContext.template.tab')}
        value={value}
        autosize
        minRows={10}
        maxRows={22}
        spellCheck={false}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <DialogFoot>
        {problem !== null && <ErrorPanel error={problem} />}
        {override !== null && (
          <Button variant="default" loading={action.isPending} onClick={() => save(null)}>
            {t('chatContext.template.back')}
          </Button>
        )}
        <Button
          loading={action.isPending}
          disabled={value.trim() === '' || value === (override ?? own)}
          onClick={() => save(value === own ? null : value)}
        >
          {t('chatContext.template.save')}
        </Button>
      </DialogFoot>
    </>
  );
}
