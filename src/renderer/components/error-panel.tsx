import { Button } from '@mantine/core';
import { IconAlertTriangle, IconChevronRight } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { AppErrorData } from '#core/errors/index.ts';
import { useErrorText } from '../i18n/use-error-text.ts';
import { CopyButton } from './copy-button.tsx';
import classes from './error-panel.module.css';

interface Props {
  readonly error: AppErrorData;
  /** What the user can do now, as a button: the label and the deed. */
  readonly action?: { readonly label: string; readonly run: () => void; readonly busy?: boolean } | undefined;
  /** Further buttons, quieter. */
  readonly children?: ReactNode;
  readonly onDismiss?: (() => void) | undefined;
}

/** The one way in which an error is shown: what happened, what is safe, what to do now; the technical part folded away. */
export function ErrorPanel({ error, action, children, onDismiss }: Props) {
  const { t } = useTranslation();
  const text = useErrorText()(error);
  const [unfolded, setUnfolded] = useState(false);
  const technical = [error.code, ...Object.entries(error.params).map(([name, value]) => `${name}: ${value}`), error.detail]
    .filter((line) => line !== undefined)
    .join('\n');
  return (
    <section className={classes.panel} role="alert">
      <IconAlertTriangle className={classes.icon} size={16} aria-hidden />
      <div className={classes.body}>
        <p className={classes.what}>{text.what}</p>
        <p className={classes.more}>{[text.safe, text.next].join(t('common.betweenSentences'))}</p>
        <div className={classes.actions}>
          {action !== undefined && (
            <Button size="sm" variant="default" onClick={action.run} loading={action.busy ?? false}>
              {action.label}
            </Button>
          )}
          {children}
          {onDismiss !== undefined && (
            <Button variant="subtle" color="gray" onClick={onDismiss}>
              {t('common.dismiss')}
            </Button>
          )}
          <button type="button" className={classes.fold} aria-expanded={unfolded} onClick={() => setUnfolded(!unfolded)}>
            <IconChevronRight size={13} aria-hidden />
            {t('error.details')}
          </button>
        </div>
        {unfolded && (
          <div className={classes.technical}>
            {/* Scrolls sideways: reachable by keyboard. */}
            <pre tabIndex={0} aria-label={t('error.details')}>
              {technical}
            </pre>
            <CopyButton text={technical} label={t('error.copy')} />
          </div>
        )}
      </div>
    </section>
  );
}
