import { Button, SegmentedControl } from '@mantine/core';
import { IconEye, IconEyeOff, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ServerStatus } from '#contract/server.ts';
import { CopyButton } from '../../components/copy-button.tsx';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { IconButton } from '../../components/icon-button.tsx';
import { CodeBlock } from '../../markdown/code-block.tsx';
import { canChat } from '../../models.ts';
import { useAction, useCall } from '../../queries.ts';
import { HIGHLIGHT, KEY_VARIABLE, LANGUAGES, snippet, type Language } from './snippets.ts';
import classes from './server.module.css';

/** As long as a key looks, whatever the key. */
const HIDDEN = '•'.repeat(24);

/** What another program has to be told: the address, the key, and how one asks. */
export function Access({ running }: { readonly running: Extract<ServerStatus, { state: 'running' }> }) {
  const { t } = useTranslation();
  const library = useCall('library.list', {});
  const renew = useAction('server.renewToken');
  const [isShown, setShown] = useState(false);
  const [isRenewing, setRenewing] = useState(false);
  const [language, setLanguage] = useState<Language>('curl');
  const model = library.data?.find(canChat);
  return (
    <>
      <section className={classes.access} aria-label={t('server.access')}>
        <dl className={classes.facts}>
          <dt>{t('server.address')}</dt>
          <dd>
            <code className={classes.value}>{running.address}</code>
            <CopyButton text={running.address} label={t('server.copyAddress')} />
          </dd>
          <dt>{t('server.key.label')}</dt>
          <dd>
            <code className={classes.value} data-hidden={!isShown || undefined}>
              {isShown ? running.token : HIDDEN}
            </code>
            <IconButton size={26} label={t(isShown ? 'server.key.hide' : 'server.key.show')} onClick={() => setShown(!isShown)}>
              {isShown ? <IconEyeOff size={15} /> : <IconEye size={15} />}
            </IconButton>
            <CopyButton text={running.token} label={t('server.key.copy')} />
            <IconButton size={26} label={t('server.key.renew')} onClick={() => setRenewing(true)}>
              <IconRefresh size={15} />
            </IconButton>
          </dd>
        </dl>
        {isRenewing && (
          <div className={classes.confirm} role="group" aria-label={t('server.key.renew')}>
            <p>{t('server.key.renewNote')}</p>
            <Button loading={renew.isPending} onClick={() => renew.mutate({}, { onSuccess: () => setRenewing(false) })}>
              {t('server.key.renewNow')}
            </Button>
            <Button variant="default" onClick={() => setRenewing(false)}>
              {t('common.cancel')}
            </Button>
          </div>
        )}
        {renew.error !== null && <ErrorPanel error={renew.error} />}
      </section>
      <section className={classes.section} aria-label={t('server.snippets.title')}>
        <div className={classes.sectionHead}>
          <h2 className={classes.sectionTitle}>{t('server.snippets.title')}</h2>
          <SegmentedControl
            aria-label={t('server.snippets.language')}
            value={language}
            data={LANGUAGES.map((value) => ({ value, label: t(`server.snippets.${value}`) }))}
            onChange={(value) => setLanguage(value)}
          />
        </div>
        <CodeBlock code={snippet(language, running.address, model?.name ?? 'MODEL')} language={HIGHLIGHT[language]} finished />
        <p className={classes.note}>
          {t('server.snippets.keyNote', { variable: KEY_VARIABLE })}
          {model === undefined && library.isSuccess && ` ${t('server.snippets.noModel')}`}
        </p>
      </section>
    </>
  );
}
