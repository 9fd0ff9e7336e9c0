import { TextInput } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { IconSearch } from '@tabler/icons-react';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { ErrorPanel } from '../../../components/error-panel.tsx';
import { useFormat } from '../../../format.ts';
import { apiInUse, asAppError } from '../../../queries.ts';
import classes from './details.module.css';

const ROW_HEIGHT = 42;
/** Rows of one question. */
const PAGE = 1000;

/** Every tensor with its type, shape and size. */
export function Tensors({ model }: { readonly model: Model }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [filter, setFilter] = useState('');
  const scroller = useRef<HTMLDivElement>(null);
  const { data, error, hasNextPage, isFetching, fetchNextPage, refetch } = useInfiniteQuery({
    queryKey: ['library.tensors', { modelId: model.id }],
    queryFn: ({ pageParam, signal }) => apiInUse().call('library.tensors', { modelId: model.id, offset: pageParam, limit: PAGE }, signal),
    initialPageParam: 0,
    getNextPageParam: (last, pages) => (pages.length * PAGE < last.total ? pages.length * PAGE : undefined),
  });
  // The filter looks at all rows, so all are fetched; the largest models have a few thousand.
  useEffect(() => {
    if (hasNextPage && !isFetching) void fetchNextPage();
  }, [hasNextPage, isFetching, fetchNextPage]);

  const all = useMemo(() => data?.pages.flatMap(({ rows }) => rows) ?? [], [data]);
  const rows = useMemo(() => {
    const word = filter.trim().toLowerCase();
    return word === '' ? all : all.filter(({ name, type }) => name.toLowerCase().includes(word) || type.toLowerCase() === word);
  }, [all, filter]);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
  });

  if (error !== null) {
    return (
      <div className={classes.notice}>
        <ErrorPanel error={asAppError(error)} action={{ label: t('common.retry'), run: () => void refetch() }} />
      </div>
    );
  }
  return (
    <div className={classes.tablePanel}>
      <div className={classes.tableHead}>
        <TextInput
          type="search"
          aria-label={t('library.tensors.filter')}
          placeholder={t('library.tensors.filter')}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
          leftSection={<IconSearch size={15} stroke={1.8} />}
        />
        <span className={`${classes.tableCount} num`} role="status">
          {t('library.tensors.count', { count: rows.length, number: format.number(rows.length) })}
        </span>
      </div>
      <div ref={scroller} className={classes.table} role="list" tabIndex={0} aria-label={t('library.details.tensors')}>
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, start, size }) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <div key={row.name} role="listitem" className={classes.tensor} style={{ transform: `translateY(${start}px)`, height: size }}>
                <code className={classes.tensorName}>{row.name}</code>
                <span className={classes.tensorFacts}>
                  <span className={classes.type}>{row.type}</span>
                  <span className="num">[{row.shape.map((side) => format.number(side)).join(' × ')}]</span>
                  <span className={`${classes.tensorSize} num`}>{format.bytes(row.sizeBytes)}</span>
                </span>
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}
