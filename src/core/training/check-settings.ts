import { AppError } from '../errors/index.ts';
import { excerpt, excerptOfJson } from '../excerpt.ts';
import { nearSettings } from './near-settings.ts';
import { readSettings, type TrainingSettings } from './settings.ts';
import { templates, type TemplateName } from './templates.ts';

/** Settings that came from outside, whole. Throws `train.badSetting` for the first that is wrong, or that goes with no other. */
export function checkSettings(given: Readonly<Record<string, unknown>>, template?: TemplateName): TrainingSettings {
  const usual = template === undefined ? {} : templates[template];
  const { settings, problems } = readSettings({ ...usual, ...given });
  const [problem] = problems;
  if (problem?.kind === 'unknown')
    throw new AppError('train.unknownSetting', { setting: excerpt(problem.setting), near: nearSettings(problem.setting).join(', ') });
  if (problem?.kind === 'unsupported') throw new AppError('train.unsupportedSetting', { setting: problem.setting });
  if (problem !== undefined) throw refuse(problem.setting, given[problem.setting], problem.expected);
  const { use_peft, use_dora, sample_steps, sample_prompts, early_stopping_patience, load_best_model_at_end, eval_split } = settings;
  const { modules_to_save } = settings;
  // llama.cpp has neither DoRA nor whole matrices beside its weights, so nothing could be said with it.
  if (use_dora && sample_steps > 0) throw refuse('sample_steps', sample_steps, '0 with use_dora');
  if (modules_to_save.length > 0 && sample_steps > 0) throw refuse('sample_steps', sample_steps, '0 with modules_to_save');
  if (modules_to_save.length > 0 && !use_peft) throw refuse('modules_to_save', modules_to_save, '[] where all weights are trained');
  if (use_dora && !use_peft) throw refuse('use_dora', true, 'false where all weights are trained');
  if (sample_steps > 0 && sample_prompts.length === 0) throw refuse('sample_prompts', '[]', 'at least one prompt');
  if ((early_stopping_patience > 0 || load_best_model_at_end) && eval_split === 0)
    throw refuse('eval_split', 0, 'above 0: what is best is decided by an evaluation');
  return settings;
}

const refuse = (setting: string, value: unknown, expected: string): AppError =>
  new AppError('train.badSetting', {
    setting: excerpt(setting),
    value: typeof value === 'string' ? excerpt(value) : excerptOfJson(value ?? null),
    expected,
  });
