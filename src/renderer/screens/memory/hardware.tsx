import { useTranslation } from 'react-i18next';
import type { LiveCard } from '#contract/memory.ts';
import { MemoryBar } from '../../components/memory-bar.tsx';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import classes from './memory.module.css';

/** What this computer has, and who has it now. */
export function HardwarePanel({ cards }: { readonly cards: readonly LiveCard[] | undefined }) {
  const { t } = useTranslation();
  const format = useFormat();
  const memory = useLive((state) => state.memory);
  if (memory === null) return null;
  const usedBytes = memory.totalBytes - memory.availableBytes;
  const ownBytes = Math.min(memory.ownBytes, usedBytes);
  return (
    <section className={classes.panel} aria-labelledby="memory-hardware">
      <h2 id="memory-hardware">{t('estimate.hardware.title')}</h2>
      <p className={`${classes.note} num`}>
        {t('estimate.hardware.processor', { count: memory.cores, cores: format.number(memory.cores) })}
        {cards?.length === 0 && ` · ${t('estimate.hardware.noCards')}`}
      </p>
      <div className={classes.devices}>
        <Device
          name={t('estimate.hardware.memory')}
          parts={{ lathe: ownBytes, others: Math.max(0, usedBytes - ownBytes) }}
          freeBytes={memory.availableBytes}
          totalBytes={memory.totalBytes}
        />
        {cards?.map(({ name, backend, totalBytes, freeBytes, unified }, index) => (
          <Device
            key={`${name} ${index}`}
            name={unified ? t('estimate.hardware.unified', { name }) : `${name} · ${backend}`}
            parts={{ others: totalBytes - freeBytes }}
            freeBytes={freeBytes}
            totalBytes={totalBytes}
          />
        ))}
      </div>
    </section>
  );
}

interface DeviceProps {
  readonly name: string;
  readonly parts: { readonly lathe?: number; readonly others: number };
  readonly freeBytes: number;
  readonly totalBytes: number;
}

function Device({ name, parts, freeBytes, totalBytes }: DeviceProps) {
  const { t } = useTranslation();
  const format = useFormat();
  return (
    <div>
      <div className={classes.deviceHead}>
        <h3>{name}</h3>
        <span className="num">{t('estimate.hardware.free', { free: format.bytes(freeBytes), total: format.bytes(totalBytes) })}</span>
      </div>
      <MemoryBar parts={parts} totalBytes={totalBytes} legend />
    </div>
  );
}
