import { Button, NativeSelect, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { OVERRIDE_TYPES } from './override-types.ts';
import classes from './convert.module.css';

/** A pattern that does not compile is not worth asking the program about. */
const isPattern = (text: string): boolean => {
  try {
    return text !== '' && new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
};

/** One more rule: all tensors whose name holds a pattern get a type. */
export function OverrideForm({ onAdd }: { readonly onAdd: (pattern: string, type: string) => void }) {
  const { t } = useTranslation();
  const [pattern, setPattern] = useState('');
  const [type, setType] = useState<string>('Q8_0');
  const valid = isPattern(pattern);
  return (
    <form
      className={classes.overrideForm}
      onSubmit={(event) => {
        event.preventDefault();
        if (!valid) return;
        onAdd(pattern, type);
        setPattern('');
      }}
    >
      <TextInput
        aria-label={t('convert.overrides.pattern')}
        placeholder="attn_v"
        spellCheck={false}
        value={pattern}
        error={pattern !== '' && !valid ? t('convert.overrides.invalid') : undefined}
        onChange={(event) => setPattern(event.currentTarget.value)}
      />
      <NativeSelect
        aria-label={t('convert.overrides.type')}
        value={type}
        data={[...OVERRIDE_TYPES]}
        onChange={(event) => setType(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" disabled={!valid}>
        {t('convert.overrides.add')}
      </Button>
    </form>
  );
}
