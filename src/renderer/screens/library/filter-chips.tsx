import { IconStar } from '@tabler/icons-react';
import { useMemo, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { facetsOf } from './filter.ts';
import type { LibraryView } from './use-library.ts';
import classes from './library.module.css';

/** Families are many and rarely chosen by more than the first few; the rest is found by typing. */
const FAMILIES_SHOWN = 5;
const TAGS_SHOWN = 8;

function Chip({
  pressed,
  count,
  onClick,
  children,
}: {
  readonly pressed: boolean;
  readonly count: number;
  readonly onClick: () => void;
  readonly children: ReactNode;
}) {
  return (
    <button type="button" className={classes.chip} aria-pressed={pressed} onClick={onClick}>
      {children}
      <span className={`${classes.chipCount} num`}>{count}</span>
    </button>
  );
}

/** One press narrows the library to a kind, a family, a tag or the favourites; another lets go. */
export function FilterChips({ view }: { readonly view: LibraryView }) {
  const { t } = useTranslation();
  const { search, all, change } = view;
  const facets = useMemo(() => facetsOf(all), [all]);
  const worthwhile = facets.kinds.length > 1 || facets.families.length > 1 || facets.tags.length > 0 || facets.favourites > 0;
  if (!worthwhile) return null;
  const toggle = (key: 'kind' | 'family' | 'tag', value: string): void => change({ [key]: search[key] === value ? undefined : value });
  return (
    <div className={classes.chips} role="group" aria-label={t('library.narrow')}>
      {facets.favourites > 0 && (
        <Chip
          pressed={search.favourites === true}
          count={facets.favourites}
          onClick={() => change({ favourites: search.favourites === true ? undefined : true })}
        >
          <IconStar size={13} stroke={1.8} aria-hidden />
          {t('library.favourites')}
        </Chip>
      )}
      {facets.kinds.length > 1 &&
        facets.kinds.map(({ kind, count }) => (
          <Chip key={kind} pressed={search.kind === kind} count={count} onClick={() => toggle('kind', kind)}>
            {t(`library.kindFilters.${kind}`)}
          </Chip>
        ))}
      {facets.families.length > 1 && <span className={classes.chipGap} aria-hidden />}
      {facets.families.length > 1 &&
        facets.families.slice(0, FAMILIES_SHOWN).map(({ name, count }) => (
          <Chip key={name} pressed={search.family === name} count={count} onClick={() => toggle('family', name)}>
            {name}
          </Chip>
        ))}
      {facets.tags.length > 0 && <span className={classes.chipGap} aria-hidden />}
      {facets.tags.slice(0, TAGS_SHOWN).map(({ name, count }) => (
        <Chip key={name} pressed={search.tag === name} count={count} onClick={() => toggle('tag', name)}>
          #{name}
        </Chip>
      ))}
    </div>
  );
}
