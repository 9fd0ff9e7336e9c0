import { MultiSelect, NativeSelect, Switch, Textarea } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import type { LoraInit, TrainingSettings } from '#core/training/settings.ts';
import { NumberSetting, useProblem, type NumberField } from './number-setting.tsx';
import { AdapterTags, PromptTags } from './setting-tags.tsx';
import { give } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './training.module.css';

const STEPS: readonly NumberField[] = [
  { setting: 'max_steps', step: 50 },
  { setting: 'per_device_train_batch_size', step: 1 },
  { setting: 'gradient_accumulation_steps', step: 1 },
  { setting: 'warmup_ratio', step: 0.01, decimals: 3 },
  { setting: 'warmup_steps', step: 10 },
  { setting: 'seed', step: 1 },
];
const OPTIMIZER: readonly NumberField[] = [
  { setting: 'weight_decay', step: 0.01, decimals: 4 },
  { setting: 'max_grad_norm', step: 0.1, decimals: 2 },
  { setting: 'loraplus_lr_ratio', step: 1, decimals: 2 },
  { setting: 'adam_beta1', step: 0.01, decimals: 6 },
  { setting: 'adam_beta2', step: 0.001, decimals: 6 },
  { setting: 'adam_epsilon', step: 1e-8, decimals: 16 },
];
const KEEPING: readonly NumberField[] = [
  { setting: 'eval_steps', step: 10 },
  { setting: 'early_stopping_patience', step: 1 },
  { setting: 'save_steps', step: 10 },
  { setting: 'save_total_limit', step: 1 },
  { setting: 'logging_steps', step: 1 },
  { setting: 'sample_steps', step: 10 },
  { setting: 'sample_tokens', step: 16 },
];
/** Of conversations: the model's own, or one by its name in the field. */
const TEMPLATES: readonly string[] = ['', 'chatml', 'alpaca'];
/** What stands in the field of an own template before anything was typed: a template that says all there is. */
const OWN_TEMPLATE = '{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}';
const ROLES: TrainingSettings['train_on_roles'] = ['system', 'user', 'assistant', 'tool'];

/** Every setting that there is, by what it decides. */
export function AllSettings({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { settings } = setup;
  const template = settings.chat_template;
  const isOwn = !TEMPLATES.includes(template);
  return (
    <>
      <Group name="steps">
        <div className={classes.fields}>
          <Choice
            setting="lr_scheduler_type"
            value={settings.lr_scheduler_type}
            choices={(['linear', 'cosine', 'constant'] as const).map((value) => ({ value, label: t(`training.schedules.${value}`) }))}
          />
          <Numbers setup={setup} fields={STEPS} />
        </div>
      </Group>
      <Group name="optimizer">
        <div className={classes.fields}>
          <Choice
            setting="optim"
            value={settings.optim}
            choices={[
              { value: 'adamw_torch', label: 'AdamW' },
              { value: 'sgd', label: 'SGD' },
            ]}
          />
          <Numbers setup={setup} fields={OPTIMIZER} />
        </div>
      </Group>
      <Group name="adapter">
        <div className={classes.switches}>
          <Toggles setup={setup} settings={['use_peft', 'use_rslora', 'use_dora']} />
        </div>
        <div className={classes.fields}>
          <Numbers setup={setup} fields={[{ setting: 'lora_dropout', step: 0.05, decimals: 3 }]} />
          <Choice
            setting="init_lora_weights"
            value={String(settings.init_lora_weights)}
            choices={[
              { value: 'true', label: t('training.inits.uniform') },
              { value: 'gaussian', label: t('training.inits.gaussian') },
            ]}
            take={(value): LoraInit => (value === 'gaussian' ? 'gaussian' : true)}
          />
        </div>
        <AdapterTags setup={setup} />
      </Group>
      <Group name="text">
        <div className={classes.fields}>
          <Choice
            setting="chat_template"
            value={isOwn ? 'own' : template}
            choices={[
              { value: '', label: t('training.chatTemplates.model') },
              { value: 'chatml', label: 'ChatML' },
              { value: 'alpaca', label: 'Alpaca' },
              { value: 'own', label: t('training.chatTemplates.own') },
            ]}
            take={(value) => (value === '' ? undefined : value === 'own' ? OWN_TEMPLATE : value)}
          />
        </div>
        {isOwn && (
          <Textarea
            label={t('training.chatTemplates.own')}
            autosize
            minRows={2}
            maxRows={12}
            value={template}
            onChange={(event) => give('chat_template', event.currentTarget.value)}
          />
        )}
        <MultiSelect
          label={t('training.settings.train_on_roles')}
          description={t('training.notes.train_on_roles')}
          data={ROLES.map((value) => ({ value, label: t(`training.roles.${value}`) }))}
          value={[...settings.train_on_roles]}
          error={useProblem(setup, 'train_on_roles')}
          onChange={(roles) => give('train_on_roles', roles.length === 0 ? undefined : roles)}
        />
        <div className={classes.switches}>
          <Toggles setup={setup} settings={['packing']} />
        </div>
      </Group>
      <Group name="keeping">
        <div className={classes.fields}>
          <Numbers setup={setup} fields={KEEPING} />
        </div>
        <PromptTags setup={setup} />
        <div className={classes.switches}>
          <Toggles setup={setup} settings={['load_best_model_at_end']} />
        </div>
      </Group>
      <Group name="memory">
        <div className={classes.switches}>
          <Toggles setup={setup} settings={['gradient_checkpointing', 'weight_streaming']} />
        </div>
      </Group>
    </>
  );
}

function Group({
  name,
  children,
}: {
  readonly name: 'steps' | 'optimizer' | 'adapter' | 'text' | 'keeping' | 'memory';
  readonly children: ReactNode;
}) {
  const { t } = useTranslation();
  const id = `training-group-${name}`;
  return (
    <section className={classes.group} aria-labelledby={id}>
      <h3 className={classes.subtitle} id={id}>
        {t(`training.groups.${name}`)}
      </h3>
      {children}
    </section>
  );
}

const Numbers = ({ setup, fields }: { readonly setup: Setup; readonly fields: readonly NumberField[] }) =>
  fields.map((field) => <NumberSetting key={field.setting} setup={setup} {...field} />);

interface ChoiceProps {
  readonly setting: 'lr_scheduler_type' | 'optim' | 'init_lora_weights' | 'chat_template';
  readonly value: string;
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  readonly take?: (value: string) => unknown;
}

function Choice({ setting, value, choices, take = (chosen) => chosen }: ChoiceProps) {
  const { t } = useTranslation();
  return (
    <NativeSelect
      label={t(`training.settings.${setting}`)}
      description={<code className={classes.settingName}>{setting}</code>}
      inputWrapperOrder={['label', 'input', 'description', 'error']}
      value={value}
      data={[...choices]}
      onChange={(event) => give(setting, take(event.currentTarget.value))}
    />
  );
}

type SwitchName =
  | 'use_peft'
  | 'packing'
  | 'gradient_checkpointing'
  | 'weight_streaming'
  | 'use_rslora'
  | 'use_dora'
  | 'load_best_model_at_end';

function Toggles({ setup, settings: names }: { readonly setup: Setup; readonly settings: readonly SwitchName[] }) {
  const { t } = useTranslation();
  const { settings, defaults } = setup;
  return names.map((name) => (
    <Switch
      key={name}
      label={t(`training.settings.${name}`)}
      description={t(`training.notes.${name}`)}
      checked={settings[name]}
      onChange={({ currentTarget: { checked } }) => give(name, checked === defaults[name] ? undefined : checked)}
    />
  ));
}
