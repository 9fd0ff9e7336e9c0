import type { TrainingSettings } from './settings.ts';

/** Settings by task: what the field starts with. They are starts, not optima. */

export type TemplateName = 'instructions' | 'code' | 'dialogue' | 'pretraining' | 'style';

export const templates: Readonly<Record<TemplateName, Partial<TrainingSettings>>> = {
  instructions: {
    r: 16,
    lora_alpha: 32,
    target_modules: 'all-linear',
    learning_rate: 2e-4,
    num_train_epochs: 3,
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 4,
    warmup_ratio: 0.03,
  },
  code: {
    r: 32,
    lora_alpha: 64,
    lora_dropout: 0.05,
    target_modules: ['q_proj', 'k_proj', 'v_proj'],
    learning_rate: 1e-4,
    num_train_epochs: 5,
    max_length: 4096,
    per_device_train_batch_size: 1,
    gradient_accumulation_steps: 16,
  },
  dialogue: {
    r: 8,
    lora_alpha: 16,
    target_modules: ['q_proj', 'v_proj'],
    learning_rate: 3e-4,
    num_train_epochs: 2,
    per_device_train_batch_size: 8,
    gradient_accumulation_steps: 1,
  },
  /** Of a text: everything is trained, in short packed rows. */
  pretraining: {
    r: 64,
    lora_alpha: 128,
    lora_dropout: 0.05,
    target_modules: 'all-linear',
    learning_rate: 2e-4,
    max_length: 512,
    packing: true,
    lr_scheduler_type: 'cosine',
    warmup_ratio: 0.05,
    weight_decay: 0.01,
    num_train_epochs: 1,
  },
  /** A few hundred short samples: small batches, so that there are steps enough, and an end when it stops helping. */
  style: {
    r: 8,
    lora_alpha: 16,
    target_modules: 'all-linear',
    learning_rate: 1e-3,
    num_train_epochs: 4,
    per_device_train_batch_size: 4,
    gradient_accumulation_steps: 1,
    max_length: 256,
    eval_split: 0.1,
    early_stopping_patience: 3,
    load_best_model_at_end: true,
  },
};

export const templateNames = Object.keys(templates) as readonly TemplateName[];
