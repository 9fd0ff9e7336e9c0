import { Button, Popover } from '@mantine/core';
import { IconCpu } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { MemoryBar } from '../components/memory-bar.tsx';
import { useFormat } from '../format.ts';
import { useLive } from '../live.ts';
import { useModel } from '../models.ts';
import { useAction } from '../queries.ts';
import classes from './rail.module.css';

/** "13.3 / 31.2 GiB": a unit that both share is written once. */
function ratio(used: string, total: string): string {
  const unit = total.slice(total.lastIndexOf(' '));
  return `${used.endsWith(unit) ? used.slice(0, -unit.length) : used} / ${total}`;
}

/** The computer's memory as it is now; opened, it says who has it, and lets go of the loaded model. */
export function MemoryMeter({ folded }: { readonly folded: boolean }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { memory, status } = useLive();
  const [open, setOpen] = useState(false);
  const loadedId = status.state === 'ready' || status.state === 'loading' ? status.modelId : null;
  const loaded = useModel(loadedId);
  const unload = useAction('chat.unload');

  const totalBytes = memory?.totalBytes ?? 0;
  const usedBytes = memory === null ? 0 : memory.totalBytes - memory.availableBytes;
  const parts = { lathe: Math.min(memory?.ownBytes ?? 0, usedBytes), others: Math.max(0, usedBytes - (memory?.ownBytes ?? 0)) };
  const summary =
    memory === null ? t('memory.title') : t('memory.summary', { used: format.bytes(usedBytes), total: format.bytes(totalBytes) });

  return (
    <Popover position="right-end" opened={open} onChange={setOpen} trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className={classes.meter} aria-label={folded ? summary : undefined} onClick={() => setOpen(!open)}>
          {!folded && (
            <span className={classes.meterHead}>
              <span>{t('memory.title')}</span>
              <span className="num">{memory === null ? '' : ratio(format.bytes(usedBytes), format.bytes(totalBytes))}</span>
            </span>
          )}
          <MemoryBar parts={parts} totalBytes={totalBytes} />
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('memory.title')}>
        <div className={classes.popover}>
          <div className={classes.popoverTitle}>
            <span>{t('memory.title')}</span>
            <span className="num">{format.bytes(totalBytes)}</span>
          </div>
          <MemoryBar parts={parts} totalBytes={totalBytes} legend />
          <div className={classes.loaded}>
            <IconCpu size={16} stroke={1.7} aria-hidden />
            <div className={classes.loadedName}>
              {loaded?.name ?? t('memory.nothingLoaded')}
              {status.state === 'ready' && (
                <div className={`${classes.loadedNote} num`}>
                  {t('memory.loadedNote', {
                    tokens: format.number(status.contextLength),
                    count: status.threads,
                    threads: format.number(status.threads),
                  })}
                </div>
              )}
            </div>
            {status.state === 'ready' && (
              <Button variant="default" loading={unload.isPending} onClick={() => unload.mutate({})}>
                {t('memory.unload')}
              </Button>
            )}
          </div>
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}
