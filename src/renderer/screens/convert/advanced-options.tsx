import { NativeSelect, NumberInput, Switch } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { QuantizeOptions } from '#contract/quantize.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { PathField } from '../../components/path-field.tsx';
import { OverrideForm } from './override-form.tsx';
import type { useConcerns } from './options.tsx';
import { withOverride } from './plan-map.ts';
import { set, setOptions, useConvertSettings } from './store.ts';
import classes from './convert.module.css';

interface Props {
  readonly options: QuantizeOptions;
  readonly modelId: string;
  readonly concerns: ReturnType<typeof useConcerns>;
}

/** GPTQ's own search goes over this norm (its reference implementation, `quant.py`). */
const MSE_NORM = 2.4;

type Flag = 'symmetric' | 'actOrder' | 'staticGroups' | 'trueSequential' | 'pure' | 'keepOutput';

/** What few need: each with what it does. */
export function AdvancedOptions({ options, modelId, concerns }: Props) {
  const { t } = useTranslation();
  const { qualityTextPath, wholeText, measures } = useConvertSettings();
  const change = (changes: Partial<QuantizeOptions>): void => setOptions(modelId, changes);
  const flag = (name: Flag) => (
    <Switch
      key={name}
      label={t(`convert.options.${name}`)}
      description={t(`convert.options.${name}Note`)}
      checked={options[name]}
      onChange={(event) => change({ [name]: event.currentTarget.checked })}
    />
  );
  const number = (name: 'calibrationWindows' | 'calibrationContext', min: number, max: number) => (
    <NumberInput
      label={t(`convert.options.${name}`)}
      min={min}
      max={max}
      allowDecimal={false}
      value={options[name]}
      onChange={(value) => typeof value === 'number' && value >= min && value <= max && change({ [name]: value })}
    />
  );

  return (
    <div className={classes.advanced}>
      {concerns.gptq && (
        <>
          {(['symmetric', 'actOrder', 'staticGroups', 'trueSequential'] as const).map(flag)}
          <Switch
            label={t('convert.options.mse')}
            description={t('convert.options.mseNote')}
            checked={options.mseExponent > 0}
            onChange={(event) => change({ mseExponent: event.currentTarget.checked ? MSE_NORM : 0 })}
          />
          <div className={classes.pair}>
            <NumberInput
              label={t('convert.options.damping')}
              description={t('convert.options.dampingNote')}
              suffix=" %"
              min={0.1}
              max={99}
              step={0.5}
              decimalScale={2}
              value={Number((options.dampPercent * 100).toFixed(2))}
              onChange={(value) => typeof value === 'number' && value > 0 && value < 100 && change({ dampPercent: value / 100 })}
            />
            <NativeSelect
              label={t('convert.options.checkpointFormat')}
              description={t('convert.options.checkpointFormatNote')}
              value={options.checkpointFormat}
              data={[
                { value: 'gptq', label: 'GPTQ v1' },
                { value: 'gptq_v2', label: 'GPTQ v2' },
              ]}
              onChange={(event) => change({ checkpointFormat: event.currentTarget.value as QuantizeOptions['checkpointFormat'] })}
            />
          </div>
        </>
      )}
      {concerns.ggml && (['pure', 'keepOutput'] as const).map(flag)}
      {(concerns.calibrates || concerns.ggml) && (
        <PathField
          label={t('convert.options.calibrationText')}
          description={t('convert.options.ownTextNote')}
          value={options.calibrationPath ?? ''}
          onChange={(path) => change({ calibrationPath: path === '' ? null : path })}
        />
      )}
      {concerns.calibrates && (
        <div className={classes.pair}>
          {number('calibrationWindows', 1, 4096)}
          {number('calibrationContext', 8, 32_768)}
        </div>
      )}
      {measures && (
        <>
          <PathField
            label={t('convert.options.qualityText')}
            description={t('convert.options.ownTextNote')}
            value={qualityTextPath ?? ''}
            onChange={(path) => set({ qualityTextPath: path === '' ? null : path })}
          />
          <Switch
            label={t('convert.options.wholeText')}
            description={t('convert.options.wholeTextNote')}
            checked={wholeText}
            onChange={(event) => set({ wholeText: event.currentTarget.checked })}
          />
        </>
      )}
      <div>
        <h3 className={classes.optionTitle}>{t('convert.overrides.title')}</h3>
        <p className={classes.note}>{t('convert.overrides.note')}</p>
        {options.overrides.length > 0 && (
          <ul className={classes.overrides}>
            {options.overrides.map(({ pattern, type }) => (
              <li key={pattern}>
                <code>{pattern}</code>
                <span>{type}</span>
                <IconButton
                  size={22}
                  label={t('convert.overrides.remove', { pattern })}
                  onClick={() => change({ overrides: withOverride(options.overrides, pattern, null) })}
                >
                  <IconX size={13} />
                </IconButton>
              </li>
            ))}
          </ul>
        )}
        <OverrideForm onAdd={(pattern, type) => change({ overrides: withOverride(options.overrides, pattern, type) })} />
      </div>
    </div>
  );
}
