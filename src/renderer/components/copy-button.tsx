import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { copyText } from '../clipboard.ts';
import { IconButton } from './icon-button.tsx';

/** How long the tick stands before the button is itself again. */
const CONFIRM_MS = 1400;

/** Copies a text, and says that it did. */
export function CopyButton({ text, label, size = 26 }: { readonly text: string; readonly label: string; readonly size?: number }) {
  const { t } = useTranslation();
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), CONFIRM_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <IconButton size={size} label={copied ? t('common.copied') : label} onClick={() => void copyText(text).then(setCopied)}>
      {copied ? <IconCheck size={15} /> : <IconCopy size={15} />}
    </IconButton>
  );
}
