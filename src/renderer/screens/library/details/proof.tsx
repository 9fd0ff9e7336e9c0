import { NativeSelect } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Certificate } from '#contract/adapters.ts';
import { CertificateView } from '../../../certificate/certificate-view.tsx';
import { useFormat } from '../../../format.ts';
import classes from './details.module.css';

/** The proofs of a merged model, or of all that was made with an adapter: the newest first. */
export function Proof({ certificates }: { readonly certificates: readonly Certificate[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [chosenId, setChosenId] = useState<string | null>(null);
  const certificate = certificates.find(({ id }) => id === chosenId) ?? certificates[0];
  if (certificate === undefined) return null;
  return (
    <div className={classes.overview}>
      {certificates.length > 1 && (
        <NativeSelect
          aria-label={t('certificate.choose')}
          value={certificate.id}
          data={certificates.map(({ id, madeMs, baseName }) => ({ value: id, label: `${format.moment(madeMs)}, ${baseName}` }))}
          onChange={(event) => setChosenId(event.currentTarget.value)}
        />
      )}
      <CertificateView certificate={certificate} />
    </div>
  );
}
