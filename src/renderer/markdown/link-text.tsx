import { Tooltip } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { copyText } from '../clipboard.ts';
import classes from './markdown.module.css';

/** A link in an answer. It is shown and can be copied; Lathe itself never goes there. */
export function LinkText({ address, children }: { readonly address: string; readonly children: ReactNode }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  return (
    <Tooltip label={copied ? t('common.copied') : t('markdown.copyLink', { address })} multiline maw={360}>
      <button
        type="button"
        className={classes.link}
        onMouseLeave={() => setCopied(false)}
        onBlur={() => setCopied(false)}
        onClick={() => void copyText(address).then(setCopied)}
      >
        {children}
      </button>
    </Tooltip>
  );
}
