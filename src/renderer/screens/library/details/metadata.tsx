import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { CopyButton } from '../../../components/copy-button.tsx';
import { ErrorPanel } from '../../../components/error-panel.tsx';
import { useFormat } from '../../../format.ts';
import { useCall } from '../../../queries.ts';
import classes from './details.module.css';

/** What the file says of itself, word for word. */
export function Metadata({ model }: { readonly model: Model }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [filter, setFilter] = useState('');
  const { data, error, refetch } = useCall('library.metadata', { modelId: model.id });
  const rows = useMemo(() => {
    const word = filter.trim().toLowerCase();
    return (data ?? []).filter(({ key, value }) => key.toLowerCase().includes(word) || value.toLowerCase().includes(word));
  }, [data, filter]);
  if (error !== null) {
    return (
      <div className={classes.notice}>
        <ErrorPanel error={error} action={{ label: t('common.retry'), run: () => void refetch() }} />
      </div>
    );
  }
  return (
    <div className={classes.tablePanel}>
      <div className={classes.tableHead}>
        <TextInput
          type="search"
          aria-label={t('library.metadata.filter')}
          placeholder={t('library.metadata.filter')}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
          leftSection={<IconSearch size={15} stroke={1.8} />}
        />
        <span className={`${classes.tableCount} num`} role="status">
          {t('library.metadata.count', { count: rows.length, number: format.number(rows.length) })}
        </span>
      </div>
      <dl className={classes.metadata}>
        {rows.map(({ key, type, value, length }) => (
          <div key={key} className={classes.metadataRow}>
            <dt>
              <code>{key}</code>
              <span className={classes.metadataType}>{length === null ? type : `${type} × ${format.number(length)}`}</span>
            </dt>
            <dd>
              <span className={classes.metadataValue}>{value}</span>
              <CopyButton text={value} label={t('library.metadata.copy', { key })} size={20} />
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
