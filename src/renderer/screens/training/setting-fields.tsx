import { Button, NativeSelect, NumberInput, Switch, TagsInput } from '@mantine/core';
import { IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { give, set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './training.module.css';

/** What most runs are decided by. */
const MAIN = [
  { setting: 'num_train_epochs', step: 1, decimals: 2 },
  { setting: 'learning_rate', step: 0.0001, decimals: 7 },
  { setting: 'r', step: 4 },
  { setting: 'lora_alpha', step: 8, decimals: 2 },
  { setting: 'max_length', step: 128 },
  { setting: 'eval_split', step: 0.05, decimals: 3 },
] as const;
const MORE = [
  { setting: 'max_steps', step: 50 },
  { setting: 'per_device_train_batch_size', step: 1 },
  { setting: 'gradient_accumulation_steps', step: 1 },
  { setting: 'warmup_ratio', step: 0.01, decimals: 3 },
  { setting: 'weight_decay', step: 0.01, decimals: 4 },
  { setting: 'max_grad_norm', step: 0.1, decimals: 2 },
  { setting: 'lora_dropout', step: 0.05, decimals: 3 },
  { setting: 'loraplus_lr_ratio', step: 1, decimals: 2 },
  { setting: 'eval_steps', step: 10 },
  { setting: 'early_stopping_patience', step: 1 },
  { setting: 'save_steps', step: 10 },
  { setting: 'sample_steps', step: 10 },
  { setting: 'seed', step: 1 },
] as const;
const SWITCHES = [
  'use_peft',
  'packing',
  'gradient_checkpointing',
  'weight_streaming',
  'use_rslora',
  'use_dora',
  'load_best_model_at_end',
] as const;
interface NumberField {
  readonly setting: (typeof MAIN | typeof MORE)[number]['setting'];
  readonly step: number;
  readonly decimals?: number;
}

/** Of conversations: the model's own, or one by its name in the field. */
const TEMPLATES = ['', 'chatml', 'alpaca'] as const;

const SAVED = ['embed_tokens', 'lm_head'];
const TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** How it is learned: what most need in sight, the rest folded away. */
export function SettingFields({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { draft, settings } = setup;
  const touched = Object.keys(draft.given).length;
  return (
    <>
      <div className={classes.fields}>
        {MAIN.map((field) => (
          <NumberSettingField key={field.setting} setup={setup} {...field} />
        ))}
      </div>
      <div className={classes.foldRow}>
        <button type="button" className={classes.fold} aria-expanded={draft.showsAll} onClick={() => set({ showsAll: !draft.showsAll })}>
          <IconChevronRight size={14} aria-hidden />
          {t('training.allSettings')}
        </button>
        {touched > 0 && (
          <Button variant="subtle" color="gray" size="xs" onClick={() => set({ given: {} })}>
            {t('training.resetSettings', { count: touched })}
          </Button>
        )}
      </div>
      {draft.showsAll && (
        <>
          <div className={classes.fields}>
            <NativeSelect
              label={t('training.settings.lr_scheduler_type')}
              value={settings.lr_scheduler_type}
              data={(['linear', 'cosine', 'constant'] as const).map((value) => ({ value, label: t(`training.schedules.${value}`) }))}
              onChange={(event) => give('lr_scheduler_type', event.currentTarget.value)}
            />
            <NativeSelect
              label={t('training.settings.optim')}
              value={settings.optim}
              data={[
                { value: 'adamw_torch', label: 'AdamW' },
                { value: 'sgd', label: 'SGD' },
              ]}
              onChange={(event) => give('optim', event.currentTarget.value)}
            />
            <NativeSelect
              label={t('training.settings.chat_template')}
              value={TEMPLATES.find((name) => name === settings.chat_template) ?? 'own'}
              data={[
                { value: '', label: t('training.chatTemplates.model') },
                { value: 'chatml', label: 'ChatML' },
                { value: 'alpaca', label: 'Alpaca' },
                ...(TEMPLATES.some((name) => name === settings.chat_template)
                  ? []
                  : [{ value: 'own', label: t('training.chatTemplates.own') }]),
              ]}
              onChange={(event) => give('chat_template', event.currentTarget.value === '' ? undefined : event.currentTarget.value)}
            />
            {MORE.map((field) => (
              <NumberSettingField key={field.setting} setup={setup} {...field} />
            ))}
          </div>
          <TagsInput
            label={t('training.settings.target_modules')}
            description={t('training.notes.target_modules')}
            data={TARGETS}
            placeholder={settings.target_modules === 'all-linear' ? t('training.allLinear') : ''}
            value={settings.target_modules === 'all-linear' ? [] : [...settings.target_modules]}
            onChange={(names) => give('target_modules', names.length === 0 ? undefined : names)}
          />
          <TagsInput
            label={t('training.settings.modules_to_save')}
            description={t('training.notes.modules_to_save')}
            data={SAVED}
            value={[...settings.modules_to_save]}
            onChange={(names) => give('modules_to_save', names.length === 0 ? undefined : names)}
          />
          <TagsInput
            label={t('training.settings.sample_prompts')}
            description={t('training.notes.sample_prompts')}
            // A prompt may hold commas.
            splitChars={[]}
            value={[...settings.sample_prompts]}
            onChange={(prompts) => give('sample_prompts', prompts.length === 0 ? undefined : prompts)}
          />
          <div className={classes.switches}>
            {SWITCHES.map((setting) => (
              <Switch
                key={setting}
                label={t(`training.settings.${setting}`)}
                description={t(`training.notes.${setting}`)}
                checked={settings[setting]}
                onChange={(event) =>
                  give(setting, event.currentTarget.checked === setup.defaults[setting] ? undefined : event.currentTarget.checked)
                }
              />
            ))}
            <Switch
              label={t('training.settings.train_on_roles')}
              description={t('training.notes.train_on_roles')}
              checked={settings.train_on_roles.includes('user')}
              onChange={(event) =>
                give('train_on_roles', event.currentTarget.checked ? ['system', 'user', 'assistant', 'tool'] : undefined)
              }
            />
          </div>
        </>
      )}
    </>
  );
}

/** A number, with the name that recipes write below it and what is wrong with it. */
function NumberSettingField({ setup, setting, step, decimals = 0 }: NumberField & { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { draft, settings, defaults, problems } = setup;
  const problem = problems.find((each) => each.setting === setting);
  const shown = draft.given[setting] ?? settings[setting];
  return (
    <NumberInput
      label={t(`training.settings.${setting}`)}
      description={<code className={classes.settingName}>{setting}</code>}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      value={typeof shown === 'number' || typeof shown === 'string' ? shown : ''}
      step={step}
      decimalScale={decimals}
      error={problem === undefined ? null : t('training.badSetting', { expected: problem.expected })}
      onChange={(value) => give(setting, value === '' || value === defaults[setting] ? undefined : value)}
    />
  );
}
