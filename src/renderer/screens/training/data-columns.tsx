import { NativeSelect } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { DataColumns } from '#contract/training.ts';
import { useCall } from '../../queries.ts';
import { set, useDraft } from './store.ts';
import classes from './training.module.css';

/** What a record can be, by the fields that it is made of. */
const SHAPES = {
  auto: [],
  answers: ['prompt', 'completion', 'system'],
  messages: ['messages'],
  text: ['text'],
} as const satisfies Record<string, readonly (keyof DataColumns)[]>;
type Shape = keyof typeof SHAPES;
const shapes = Object.keys(SHAPES) as readonly Shape[];

const shapeOf = (columns: DataColumns): Shape =>
  columns.messages !== undefined ? 'messages' : columns.text !== undefined ? 'text' : columns.prompt !== undefined ? 'answers' : 'auto';

/** Which field of the records is what, where Lathe does not recognise them by itself. */
export function DataColumnsFields() {
  const { t } = useTranslation();
  const { dataPath, columns } = useDraft();
  const { data } = useCall('training.fields', { dataPath: dataPath.trim() }, { enabled: dataPath.trim() !== '' });
  const fields = data?.fields ?? [];
  const shape = shapeOf(columns);
  if (fields.length === 0) return null;
  const choose = (next: Shape): void => {
    const names: readonly (keyof DataColumns)[] = SHAPES[next].filter((name) => name !== 'system');
    set({ columns: Object.fromEntries(names.map((name, index) => [name, fields[Math.min(index, fields.length - 1)] ?? ''])) });
  };
  return (
    <div className={classes.fields}>
      <NativeSelect
        label={t('training.columns.label')}
        value={shape}
        data={shapes.map((value) => ({ value, label: t(`training.columns.shapes.${value}`) }))}
        onChange={(event) => choose(shapes.find((each) => each === event.currentTarget.value) ?? 'auto')}
      />
      {SHAPES[shape].map((name) => (
        <NativeSelect
          key={name}
          label={t(`training.columns.names.${name}`)}
          value={columns[name] ?? ''}
          data={[...(name === 'system' ? [{ value: '', label: t('training.columns.none') }] : []), ...fields]}
          onChange={(event) => {
            const { value } = event.currentTarget;
            const rest = Object.fromEntries(Object.entries(columns).filter(([key]) => key !== name));
            set({ columns: value === '' ? rest : { ...rest, [name]: value } });
          }}
        />
      ))}
    </div>
  );
}
