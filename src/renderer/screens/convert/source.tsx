import { Popover } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { FamilyMark } from '../../components/family-mark.tsx';
import { ModelChoices } from '../../components/model-choices.tsx';
import { useFormat } from '../../format.ts';
import { familyOf, isFloat } from '../../models.ts';
import type { Convert } from './use-convert.ts';
import classes from './convert.module.css';

/** The model that things are made of; opened, the choice of another one. */
export function SourceChip({ convert }: { readonly convert: Convert }) {
  const { t } = useTranslation();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  const { source } = convert;
  if (source === undefined) return null;
  const facts = [
    t(`library.kinds.${source.kind}`),
    source.facts.quantization,
    source.facts.parameterCount === undefined
      ? undefined
      : t('convert.parameters', { number: format.parameters(source.facts.parameterCount) }),
    format.bytes(source.sizeBytes),
  ];
  return (
    <Popover position="bottom-start" opened={open} onChange={setOpen} trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className={classes.source} onClick={() => setOpen(!open)}>
          <FamilyMark family={familyOf(source)} size={30} />
          <span className={classes.sourceText}>
            <span className={classes.sourceName}>
              <span className="sr-only">{t('convert.source')}</span>
              {source.name}
            </span>
            <span className={`${classes.sourceFacts} num`}>{facts.filter((fact) => fact !== undefined).join(' · ')}</span>
          </span>
          <IconChevronDown size={15} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t('convert.chooseSource')}>
        <ModelChoices
          models={convert.sources}
          currentId={source.id}
          none={t('convert.noneFound')}
          noteOf={(model) => (isFloat(model) ? null : t('convert.already'))}
          onChoose={({ id }) => {
            setOpen(false);
            convert.chooseSource(id);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
