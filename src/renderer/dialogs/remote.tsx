import { Button, Modal } from '@mantine/core';
import { IconPencil, IconPlus, IconServerBolt, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RemoteEngine } from '#contract/remote.ts';
import { EmptyState } from '../components/empty-state.tsx';
import { ErrorPanel } from '../components/error-panel.tsx';
import { IconButton } from '../components/icon-button.tsx';
import { closeDialog } from '../layers.ts';
import { useLive } from '../live.ts';
import { useAction } from '../queries.ts';
import { RemoteForm } from './remote-form.tsx';
import classes from './remote.module.css';

/** Engines on other computers: what they are, and what is known of the way there. */
export function RemoteDialog() {
  const { t } = useTranslation();
  const engines = useLive((state) => state.remoteEngines);
  /** The one in the form; null: a new one. */
  const [edited, setEdited] = useState<RemoteEngine | null>();
  const toList = (): void => setEdited(undefined);
  const title = edited === undefined ? t('remote.title') : edited === null ? t('remote.add') : t('remote.change', { name: edited.name });
  return (
    <Modal opened onClose={closeDialog} size="38rem" title={title} closeButtonProps={{ 'aria-label': t('common.close') }}>
      {edited !== undefined ? (
        <RemoteForm engine={edited} onDone={toList} />
      ) : (
        <>
          <p className={classes.intro}>{t('remote.intro')}</p>
          {engines?.length === 0 && (
            <EmptyState icon={<IconServerBolt size={22} stroke={1.5} />} title={t('remote.none')} text={t('remote.noneText')}>
              <Button data-autofocus leftSection={<IconPlus size={15} />} onClick={() => setEdited(null)}>
                {t('remote.add')}
              </Button>
            </EmptyState>
          )}
          {engines !== null && engines.length > 0 && (
            <>
              <ul className={classes.engines}>
                {engines.map((engine) => (
                  <Engine key={engine.id} engine={engine} onEdit={() => setEdited(engine)} />
                ))}
              </ul>
              <Button variant="default" data-autofocus leftSection={<IconPlus size={15} />} onClick={() => setEdited(null)}>
                {t('remote.add')}
              </Button>
            </>
          )}
        </>
      )}
    </Modal>
  );
}

function Engine({ engine, onEdit }: { readonly engine: RemoteEngine; readonly onEdit: () => void }) {
  const { t } = useTranslation();
  const [isRemoving, setRemoving] = useState(false);
  const remove = useAction('remote.remove');
  const { name, address, reach, isEncrypted, keyPlace } = engine;
  return (
    <li className={classes.engine}>
      <div className={classes.text}>
        <span className={classes.name}>{name}</span>
        <span className={classes.address}>{address}</span>
        <span className={classes.facts}>
          {[t(`remote.reaches.${reach}`), t(`remote.keys.${keyPlace}`)].join(' · ')}
          {!isEncrypted && reach !== 'loopback' && <span className={classes.warning}>{t('remote.open')}</span>}
        </span>
      </div>
      <IconButton label={t('remote.edit', { name })} onClick={onEdit}>
        <IconPencil size={15} stroke={1.8} />
      </IconButton>
      <IconButton label={t('remote.remove', { name })} onClick={() => setRemoving(true)}>
        <IconTrash size={15} stroke={1.8} />
      </IconButton>
      {isRemoving && (
        <div className={classes.confirm} role="group" aria-label={t('remote.remove', { name })}>
          <p>{t('remote.removeNote')}</p>
          <Button color="red" loading={remove.isPending} onClick={() => remove.mutate({ engineId: engine.id })}>
            {t('remote.removeNow')}
          </Button>
          <Button variant="default" onClick={() => setRemoving(false)}>
            {t('common.cancel')}
          </Button>
        </div>
      )}
      {remove.error !== null && <ErrorPanel error={remove.error} />}
    </li>
  );
}
