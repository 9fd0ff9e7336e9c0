import type { ScheduleKind } from './schedule.ts';

/** The settings of a run, under TRL's and PEFT's names, so that recipes found elsewhere can be used as they are. */

const schedules: readonly ScheduleKind[] = ['constant', 'linear', 'cosine'];

export interface TrainingSettings {
  readonly r: number;
  readonly lora_alpha: number;
  readonly lora_dropout: number;
  readonly learning_rate: number;
  readonly lr_scheduler_type: ScheduleKind;
  readonly warmup_ratio: number;
  readonly weight_decay: number;
  /** The largest norm of the gradients; 0 clips nothing. */
  readonly max_grad_norm: number;
  readonly num_train_epochs: number;
  /** Optimizer steps; -1 leaves it to the epochs. */
  readonly max_steps: number;
  readonly per_device_train_batch_size: number;
  readonly gradient_accumulation_steps: number;
  /** Tokens of a sample, or of a packed row. */
  readonly max_length: number;
  readonly seed: number;
}

/** For instructions: the domain's rules of thumb. */
export const defaultSettings: TrainingSettings = {
  r: 16,
  lora_alpha: 32,
  lora_dropout: 0,
  learning_rate: 2e-4,
  lr_scheduler_type: 'linear',
  warmup_ratio: 0.03,
  weight_decay: 0,
  max_grad_norm: 1,
  num_train_epochs: 3,
  max_steps: -1,
  per_device_train_batch_size: 4,
  gradient_accumulation_steps: 4,
  max_length: 1024,
  seed: 42,
};

export interface SettingProblem {
  readonly setting: string;
  readonly kind: 'unknown' | 'notANumber' | 'notWhole' | 'outOfRange' | 'notAChoice';
}

type NumericSetting = Exclude<keyof TrainingSettings, 'lr_scheduler_type'>;

/** What each may be, both ends included. */
const ranges: Readonly<Record<NumericSetting, { readonly least: number; readonly most: number; readonly whole?: true }>> = {
  r: { least: 1, most: 4096, whole: true },
  lora_alpha: { least: Number.MIN_VALUE, most: 65_536 },
  lora_dropout: { least: 0, most: 0.95 },
  learning_rate: { least: 0, most: 10 },
  warmup_ratio: { least: 0, most: 1 },
  weight_decay: { least: 0, most: 10 },
  max_grad_norm: { least: 0, most: 1e6 },
  num_train_epochs: { least: Number.MIN_VALUE, most: 10_000 },
  max_steps: { least: -1, most: 100_000_000, whole: true },
  per_device_train_batch_size: { least: 1, most: 4096, whole: true },
  gradient_accumulation_steps: { least: 1, most: 65_536, whole: true },
  max_length: { least: 2, most: 1_048_576, whole: true },
  seed: { least: 0, most: 2 ** 32 - 1, whole: true },
};

const isNumeric = (name: string): name is NumericSetting => Object.hasOwn(ranges, name);

/** Settings from what a user gave, the defaults for the rest; all that is wrong at once. */
export function readSettings(given: Readonly<Record<string, unknown>>): {
  readonly settings: TrainingSettings;
  readonly problems: readonly SettingProblem[];
} {
  const settings: { -readonly [K in keyof TrainingSettings]: TrainingSettings[K] } = { ...defaultSettings };
  const problems: SettingProblem[] = [];
  for (const [setting, value] of Object.entries(given)) {
    if (setting === 'lr_scheduler_type') {
      const chosen = schedules.find((kind) => kind === value);
      if (chosen === undefined) problems.push({ setting, kind: 'notAChoice' });
      else settings.lr_scheduler_type = chosen;
    } else if (!isNumeric(setting)) problems.push({ setting, kind: 'unknown' });
    else if (typeof value !== 'number' || !Number.isFinite(value)) problems.push({ setting, kind: 'notANumber' });
    else {
      const { least, most, whole } = ranges[setting];
      if (whole === true && !Number.isInteger(value)) problems.push({ setting, kind: 'notWhole' });
      else if (value < least || value > most || (setting === 'max_steps' && value === 0)) problems.push({ setting, kind: 'outOfRange' });
      else settings[setting] = value;
    }
  }
  return { settings, problems };
}
