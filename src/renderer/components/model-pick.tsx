import { Popover } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { FamilyMark } from './family-mark.tsx';
import { ModelChoices } from './model-choices.tsx';
import { useFormat } from '../format.ts';
import { familyOf } from '../models.ts';
import classes from './model-pick.module.css';

interface Props {
  /** What the model is for: base, fine-tune. */
  readonly label: string;
  readonly model: Model | undefined;
  readonly models: readonly Model[];
  readonly noteOf?: (model: Model) => string | null;
  readonly onChoose: (id: string) => void;
}

/** A model to be chosen; opened, the choice of another one. */
export function ModelPick({ label, model, models, noteOf, onChoose }: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const [open, setOpen] = useState(false);
  return (
    <Popover position="bottom-start" opened={open} onChange={setOpen} trapFocus returnFocus>
      <Popover.Target>
        <button type="button" className={classes.pick} onClick={() => setOpen(!open)}>
          {model !== undefined && <FamilyMark family={familyOf(model)} size={28} />}
          <span className={classes.pickText}>
            <span className={classes.pickLabel}>{label}</span>
            <span className={classes.pickName}>{model?.name ?? t('adapters.chooseModel')}</span>
            {model !== undefined && (
              <span className={`${classes.pickFacts} num`}>
                {[t(`library.kinds.${model.kind}`), model.facts.quantization, format.bytes(model.sizeBytes)]
                  .filter((part) => part !== undefined)
                  .join(' · ')}
              </span>
            )}
          </span>
          <IconChevronDown size={15} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={label}>
        <ModelChoices
          models={models}
          currentId={model?.id ?? null}
          none={t('adapters.noModels')}
          {...(noteOf === undefined ? {} : { noteOf })}
          onChoose={({ id }) => {
            setOpen(false);
            onChoose(id);
          }}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
