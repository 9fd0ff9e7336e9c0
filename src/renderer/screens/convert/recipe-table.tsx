import { Checkbox } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import type { KeyboardEvent } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import { useErrorText } from '../../i18n/use-error-text.ts';
import { targetName } from '../../targets.ts';
import { FitMark } from '../../components/fit-mark.tsx';
import { COMMON, isCommon, RECIPE_GROUPS, recipeGroup } from './recipe-groups.ts';
import { set, useConvertSettings } from './store.ts';
import type { Convert, Row } from './use-convert.ts';
import { riseOf } from './use-family.ts';
import classes from './convert.module.css';

const COLUMNS = ['name', 'bits', 'size', 'memory', 'loss'] as const;

/** What the source can become, what most people take first. */
export function RecipeTable({ convert }: { readonly convert: Convert }) {
  const { t } = useTranslation();
  const showsAll = useConvertSettings((state) => state.showsAll);
  const { rows } = convert;
  const rest = rows.filter(({ target }) => !isCommon(target));
  const hidden = convert.chosen.filter(({ target }) => !isCommon(target)).length;
  const find = (targets: readonly string[]): Row[] => targets.flatMap((target) => rows.find((row) => row.target === target) ?? []);

  /** Up and down go from recipe to recipe, over the headings. */
  const press = (event: KeyboardEvent<HTMLDivElement>): void => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const boxes = [...event.currentTarget.querySelectorAll<HTMLInputElement>('input[type="checkbox"]:not(:disabled)')];
    const at = boxes.findIndex((box) => box === document.activeElement);
    boxes[Math.max(0, Math.min(boxes.length - 1, at + by))]?.focus();
  };

  return (
    <>
      <div role="presentation" onKeyDown={press}>
        <table
          className={classes.recipes}
          data-measured={convert.family.relatives.length > 0 || undefined}
          aria-label={t('convert.recipes')}
        >
          <thead>
            <tr>
              {COLUMNS.map((column) => (
                <th key={column} scope="col" data-column={column} title={t(`convert.columnHints.${column}`)}>
                  {t(`convert.columns.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          {(['gguf', 'hf'] as const).map((reader) => (
            <Section
              key={reader}
              convert={convert}
              title={t(`convert.common.${reader}`)}
              note={t(`convert.common.${reader}Note`)}
              rows={find(COMMON[reader])}
            />
          ))}
          {showsAll &&
            RECIPE_GROUPS.map((group) => (
              <Section
                key={group}
                convert={convert}
                title={t(`convert.groups.${group}`)}
                note={t(`convert.groups.${group}Note`)}
                rows={rest.filter(({ target }) => recipeGroup(target) === group)}
              />
            ))}
        </table>
      </div>
      {rest.length > 0 && (
        <button type="button" className={classes.fold} aria-expanded={showsAll} onClick={() => set({ showsAll: !showsAll })}>
          <IconChevronRight size={14} aria-hidden />
          {showsAll ? t('convert.fewer') : t('convert.all', { count: rest.length })}
          {!showsAll && hidden > 0 && <span className={classes.foldNote}>{t('convert.hidden', { count: hidden })}</span>}
        </button>
      )}
    </>
  );
}

interface SectionProps {
  readonly convert: Convert;
  readonly title: string;
  readonly note: string;
  readonly rows: readonly Row[];
}

function Section({ convert, title, note, rows }: SectionProps) {
  if (rows.length === 0) return null;
  return (
    <tbody>
      <tr>
        <th className={classes.group} colSpan={COLUMNS.length} scope="colgroup">
          {title}
          <span>{note}</span>
        </th>
      </tr>
      {rows.map((row) => (
        <RecipeRow key={row.target} row={row} convert={convert} />
      ))}
    </tbody>
  );
}

function RecipeRow({ row, convert }: { readonly row: Row; readonly convert: Convert }) {
  const { t } = useTranslation();
  const format = useFormat();
  const errorText = useErrorText();
  const { target, problem } = row;
  const isChosen = convert.chosen.includes(row);
  const recommended = convert.recommended?.target === target ? convert.recommended : null;
  const id = `recipe-${target}`;
  return (
    <tr
      className={classes.recipe}
      data-chosen={isChosen || undefined}
      data-focused={convert.focused?.target === target || undefined}
      data-impossible={problem !== null || undefined}
    >
      <td data-column="name">
        <div className={classes.recipeName}>
          <Checkbox
            size="xs"
            id={id}
            checked={isChosen}
            disabled={problem !== null}
            aria-describedby={`${id}-about`}
            onChange={() => convert.toggle(target)}
            onFocus={() => convert.point(target)}
          />
          <div>
            <label htmlFor={id}>{targetName(target)}</label>
            {recommended !== null && <span className={classes.recommended}>{t('convert.recommended')}</span>}
            {row.needsCalibration && <span className={classes.needs}>{t('convert.needsCalibration')}</span>}
            {row.needsImatrix && (
              <span className={classes.needs} data-warn>
                {t('convert.needsImatrix')}
              </span>
            )}
            <p id={`${id}-about`} className={classes.about}>
              {problem !== null
                ? errorText(problem).what
                : recommended !== null
                  ? t(`convert.reasons.${recommended.reason}`)
                  : t(`convert.targets.${target}` as 'convert.targets.Q4_K_M')}
            </p>
          </div>
        </div>
      </td>
      <td data-column="bits" className="num">
        {row.bitsPerWeight === null ? '' : format.fixed(row.bitsPerWeight, 2)}
      </td>
      <td data-column="size" className="num">
        {row.sizeBytes === null ? '' : format.bytes(row.sizeBytes)}
      </td>
      <td data-column="memory">
        <FitMark bytes={row.needBytes} />
      </td>
      <td data-column="loss" className="num">
        {row.relative !== undefined && (
          <>
            <span>
              {t('convert.loss', {
                perplexity: format.figure(row.relative.card.measure.perplexity),
                change: format.change(riseOf(row.relative.card)),
              })}
            </span>
            <span className={classes.kl}>{t('convert.kl', { kl: format.small(row.relative.card.measure.meanKl) })}</span>
          </>
        )}
      </td>
    </tr>
  );
}
