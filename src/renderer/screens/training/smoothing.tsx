import { Slider } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import classes from './training.module.css';

/** More than a fifth of a curve hides what happens in it. */
const MOST = 0.2;

/** How much of the curve the line of the loss remembers. */
export function Smoothing({ share, onChange }: { readonly share: number; readonly onChange: (share: number) => void }) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div className={classes.smoothing}>
      <span aria-hidden>{t('training.smoothing')}</span>
      <Slider
        className={classes.smoothingTrack ?? ''}
        size="xs"
        min={0}
        max={MOST}
        step={0.01}
        value={share}
        label={(value) => format.percent(value)}
        thumbLabel={t('training.smoothing')}
        onChange={onChange}
      />
    </div>
  );
}
