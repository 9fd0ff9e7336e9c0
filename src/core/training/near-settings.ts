import { settingNames } from './settings.ts';

/** What other trainers call the settings of TRL and PEFT: recipes are copied from there. */
const otherNames: Readonly<Record<string, (typeof settingNames)[number]>> = {
  lora_r: 'r',
  lora_rank: 'r',
  rank: 'r',
  alpha: 'lora_alpha',
  dropout: 'lora_dropout',
  lora_target: 'target_modules',
  lora_target_modules: 'target_modules',
  additional_target: 'modules_to_save',
  lora_modules_to_save: 'modules_to_save',
  peft_use_dora: 'use_dora',
  peft_use_rslora: 'use_rslora',
  peft_init_lora_weights: 'init_lora_weights',
  peft_layers_to_transform: 'layers_to_transform',
  optimizer: 'optim',
  lr: 'learning_rate',
  lr_scheduler: 'lr_scheduler_type',
  epochs: 'num_train_epochs',
  num_epochs: 'num_train_epochs',
  steps: 'max_steps',
  batch_size: 'per_device_train_batch_size',
  micro_batch_size: 'per_device_train_batch_size',
  cutoff_len: 'max_length',
  sequence_len: 'max_length',
  max_seq_len: 'max_length',
  max_seq_length: 'max_length',
  sample_packing: 'packing',
  val_size: 'eval_split',
  val_set_size: 'eval_split',
  patience: 'early_stopping_patience',
};

/** Settings that a name may have meant, the likeliest first: the one that another trainer calls so, else those most like it. */
export function nearSettings(name: string): readonly string[] {
  const meant = Object.hasOwn(otherNames, name) ? otherNames[name] : undefined;
  if (meant !== undefined) return [meant];
  // Pairs of letters in common (Dice), so that words in another order count.
  const own = pairs(name);
  const likeness = (other: string): number => {
    const theirs = pairs(other);
    return (2 * theirs.filter((pair) => own.includes(pair)).length) / (own.length + theirs.length);
  };
  return settingNames
    .map((setting) => ({ setting, likeness: likeness(setting) }))
    .toSorted((a, b) => b.likeness - a.likeness)
    .slice(0, 3)
    .map(({ setting }) => setting);
}

/** With its ends, so that a single letter has pairs as well. Longer names are nothing that was meant. */
function pairs(name: string): string[] {
  const text = ` ${name.slice(0, 64).toLowerCase()} `;
  return Array.from({ length: text.length - 1 }, (_, at) => text.slice(at, at + 2));
}
