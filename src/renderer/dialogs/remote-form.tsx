import { Button, Checkbox, PasswordInput, Select, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { needsConsent, readAddress, type RemoteAddress } from '#core/remote/address.ts';
import { REMOTE_DIALECTS, type RemoteDialect } from '#core/remote/request.ts';
import type { RemoteEngine } from '#contract/remote.ts';
import { DialogFoot } from '../components/dialog-foot.tsx';
import { ErrorPanel } from '../components/error-panel.tsx';
import { useFormat } from '../format.ts';
import { useAction } from '../queries.ts';
import classes from './remote.module.css';

/** Where each kind listens unless it was told otherwise. */
const PLACES: Readonly<Record<RemoteDialect, string>> = {
  openai: 'http://localhost:11434/v1',
  llamacpp: 'http://localhost:8080/v1',
  vllm: 'http://localhost:8000/v1',
};
/** As many names of models as are worth a look. */
const NAMES_SHOWN = 5;

/** A new engine, or another address, kind or key of one. */
export function RemoteForm({ engine, onDone }: { readonly engine: RemoteEngine | null; readonly onDone: () => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState(engine?.name ?? '');
  const [address, setAddress] = useState(engine?.address ?? '');
  const [dialect, setDialect] = useState<RemoteDialect>(engine?.dialect ?? 'openai');
  const [key, setKey] = useState('');
  const [isKeyRemoved, setKeyRemoved] = useState(false);
  const [isAllowed, setAllowed] = useState(engine?.allowInsecure ?? false);
  const add = useAction('remote.add');
  const update = useAction('remote.update');
  const test = useAction('remote.test');
  const read = readable(address);
  const hasKey = engine !== null && engine.keyPlace !== 'none';
  const isMoved = hasKey && read !== null && new URL(read.base).origin !== new URL(engine.address).origin;
  const mustAllow = read !== null && needsConsent(read);
  const isReady = address.trim() !== '' && (!mustAllow || isAllowed);
  const error = add.error ?? update.error;

  const place = { address, dialect, allowInsecure: mustAllow && isAllowed };
  const given = key.trim();
  const save = (): void => {
    const own = { name, ...place };
    if (engine === null) return add.mutate(given === '' ? own : { ...own, key: given }, { onSuccess: onDone });
    const kept = isKeyRemoved ? { key: null } : {};
    update.mutate({ engineId: engine.id, ...own, ...(given === '' ? kept : { key: given }) }, { onSuccess: onDone });
  };
  const tryIt = (): void => {
    const saved = engine === null || isKeyRemoved ? {} : { engineId: engine.id };
    test.mutate({ ...place, ...(given === '' ? saved : { key: given }) });
  };
  /** What was found out is of the address as it was. */
  const forget = (): void => {
    test.reset();
    add.reset();
    update.reset();
  };

  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady && name.trim() !== '') save();
      }}
    >
      <TextInput
        data-autofocus
        label={t('remote.name')}
        maxLength={60}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Select
        label={t('remote.kind')}
        description={t(`remote.kindNotes.${dialect}`)}
        inputWrapperOrder={['label', 'input', 'description']}
        allowDeselect={false}
        value={dialect}
        data={REMOTE_DIALECTS.map((value) => ({ value, label: t(`remote.kinds.${value}`) }))}
        onChange={(value) => value !== null && setDialect(value)}
      />
      <TextInput
        label={t('remote.address')}
        description={t('remote.addressNote')}
        inputWrapperOrder={['label', 'input', 'description']}
        placeholder={PLACES[dialect]}
        autoComplete="off"
        spellCheck={false}
        value={address}
        onChange={(event) => {
          setAddress(event.currentTarget.value);
          forget();
        }}
      />
      {read !== null && !read.isEncrypted && read.reach !== 'loopback' && (
        <div className={classes.notice} role="status">
          <p>{t(read.reach === 'private' ? 'remote.private' : 'remote.public', { host: read.host })}</p>
          {mustAllow && (
            <Checkbox label={t('remote.allow')} checked={isAllowed} onChange={(event) => setAllowed(event.currentTarget.checked)} />
          )}
        </div>
      )}
      <PasswordInput
        label={t('remote.key')}
        description={t(isMoved ? 'remote.keyMoved' : 'remote.keyNote')}
        inputWrapperOrder={['label', 'input', 'description']}
        placeholder={hasKey && !isMoved && !isKeyRemoved ? t('remote.keyKept') : ''}
        autoComplete="off"
        maxLength={4096}
        value={key}
        onChange={(event) => {
          setKey(event.currentTarget.value);
          forget();
        }}
      />
      {hasKey && !isMoved && given === '' && (
        <Checkbox label={t('remote.keyRemove')} checked={isKeyRemoved} onChange={(event) => setKeyRemoved(event.currentTarget.checked)} />
      )}
      {test.data !== undefined && <Found {...test.data} />}
      {test.error !== null && <ErrorPanel error={test.error} />}
      {error !== null && <ErrorPanel error={error} />}
      <DialogFoot>
        <Button className={classes.test ?? ''} variant="default" loading={test.isPending} disabled={!isReady} onClick={tryIt}>
          {t('remote.test')}
        </Button>
        <Button variant="default" onClick={onDone}>
          {t('common.cancel')}
        </Button>
        <Button type="submit" loading={add.isPending || update.isPending} disabled={!isReady || name.trim() === ''}>
          {t('common.save')}
        </Button>
      </DialogFoot>
    </form>
  );
}

function Found({ models, durationMs }: { readonly models: readonly string[]; readonly durationMs: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const time = format.duration(durationMs);
  const names = models.slice(0, NAMES_SHOWN).join(', ') + (models.length > NAMES_SHOWN ? ' …' : '');
  return (
    <p className={classes.found} role="status">
      {models.length === 0
        ? t('remote.foundNone', { time })
        : t('remote.found', { count: models.length, number: format.number(models.length), time, names })}
    </p>
  );
}

/** The address, once it is one. */
function readable(text: string): RemoteAddress | null {
  try {
    return readAddress(text);
  } catch {
    return null;
  }
}
