import { useVirtualizer } from '@tanstack/react-virtual';
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { useEffect, useEffectEvent, useImperativeHandle, useMemo, useRef, type KeyboardEvent, type MouseEvent, type Ref } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { useLive } from '../../live.ts';
import { canChat, canQuantize } from '../../models.ts';
import { goTo } from '../../navigation.ts';
import { prefer, usePreferences, type LibrarySort } from '../../preferences.ts';
import { useNow } from '../../use-now.ts';
import type { ListItem } from './filter.ts';
import { ModelRow } from './model-row.tsx';
import type { LibraryView } from './use-library.ts';
import classes from './library.module.css';

const ROW_HEIGHT = 46;
const GROUP_HEIGHT = 34;

const COLUMNS: readonly {
  readonly name: 'name' | 'parameters' | 'quantization' | 'context' | 'size' | 'used';
  readonly sort?: LibrarySort;
}[] = [
  { name: 'name', sort: 'name' },
  { name: 'parameters', sort: 'parameters' },
  { name: 'quantization' },
  { name: 'context' },
  { name: 'size', sort: 'size' },
  { name: 'used', sort: 'used' },
];

const isModel = (item: ListItem): item is Extract<ListItem, { type: 'model' }> => item.type === 'model';

/** The models, only those in view being in the page: two thousand scroll as twenty do. */
export function ModelList({ view, ref }: { readonly view: LibraryView; readonly ref: Ref<HTMLDivElement> }) {
  const { t } = useTranslation();
  const nowMs = useNow();
  const sort = usePreferences((state) => state.librarySort);
  const status = useLive((state) => state.status);
  const scroller = useRef<HTMLDivElement>(null);
  useImperativeHandle(ref, () => scroller.current as HTMLDivElement);
  const { items, shown, selected, change } = view;
  const position = useMemo(() => new Map(shown.map((model, index) => [model.id, index + 1])), [shown]);
  const order = useMemo(() => items.filter(isModel).map(({ model }) => model), [items]);
  const loadedId = status.state === 'ready' ? status.modelId : null;
  const loadingId = status.state === 'loading' ? status.modelId : null;

  const virtual = useVirtualizer({
    count: items.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (items[index]?.type === 'group' ? GROUP_HEIGHT : ROW_HEIGHT),
    getItemKey: (index) => items[index]?.key ?? index,
    overscan: 12,
  });

  useEffect(() => virtual.measure(), [items, virtual]);
  const showSelected = useEffectEvent(() => {
    const index = selected === undefined ? -1 : items.findIndex((item) => isModel(item) && item.model.id === selected.id);
    if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' });
  });
  // Only when the selection moves: scrolling away from it is the user's right.
  useEffect(() => showSelected(), [selected?.id]);

  const step = (by: number): void => {
    const at = selected === undefined ? -1 : order.findIndex(({ id }) => id === selected.id);
    const next = order[at < 0 ? (by > 0 ? 0 : order.length - 1) : Math.max(0, Math.min(order.length - 1, at + by))];
    select(next);
  };

  const open = (model: Model): void => {
    if (canChat(model)) goTo.newChat(model.id);
    else if (canQuantize(model)) goTo.convert(model.id);
  };
  /** The rows leave their clicks to the list, as they do their keys. */
  const clicked = ({ target }: MouseEvent): Model | undefined => {
    const row = target instanceof Element ? target.closest<HTMLElement>('[data-model]') : null;
    return order.find(({ id }) => id === row?.dataset['model']);
  };
  const select = (model: Model | undefined): void => {
    if (model !== undefined) change({ model: model.id });
  };

  const press = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / ROW_HEIGHT) - 1);
    const steps: Readonly<Record<string, number>> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -order.length,
      End: order.length,
    };
    const by = steps[event.key];
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (by !== undefined) step(by);
    else if (event.key === 'Enter' && selected !== undefined) open(selected);
    else if (event.key === 'Escape' && selected !== undefined) change({ model: undefined });
    else return;
    event.preventDefault();
  };

  return (
    <>
      <div className={classes.columns} role="group" aria-label={t('library.sortBy')}>
        {COLUMNS.map(({ name, sort: by }) => (
          <div key={name} className={classes.column} data-column={name}>
            {by === undefined ? (
              <span>{t(`library.columns.${name}`)}</span>
            ) : (
              <button type="button" aria-pressed={sort === by} onClick={() => prefer({ librarySort: by })}>
                {t(`library.columns.${name}`)}
                {sort === by && (by === 'name' ? <IconArrowUp size={12} aria-hidden /> : <IconArrowDown size={12} aria-hidden />)}
              </button>
            )}
          </div>
        ))}
      </div>
      <div
        ref={scroller}
        className={classes.list}
        role="listbox"
        tabIndex={0}
        aria-label={t('library.models')}
        aria-activedescendant={selected === undefined ? undefined : `model-${selected.id}`}
        onKeyDown={press}
        onClick={(event) => select(clicked(event))}
        onDoubleClick={(event) => {
          const model = clicked(event);
          if (model !== undefined) open(model);
        }}
      >
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map(({ index, key, start, size }) => {
            const item = items[index];
            if (item === undefined) return null;
            const place = { transform: `translateY(${start}px)`, height: size };
            return item.type === 'group' ? (
              <div key={key} role="presentation" className={classes.group} style={place}>
                {item.name ?? t('library.unknownFamily')} <span className="num">{item.count}</span>
              </div>
            ) : (
              <ModelRow
                key={key}
                model={item.model}
                style={place}
                selected={item.model.id === selected?.id}
                engine={item.model.id === loadedId ? 'loaded' : item.model.id === loadingId ? 'loading' : null}
                position={position.get(item.model.id) ?? 0}
                total={shown.length}
                nowMs={nowMs}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}
