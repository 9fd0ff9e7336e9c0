import { TagsInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { give } from './store.ts';
import { useProblem } from './number-setting.tsx';
import { layersFromTags, patternFromTags, tagsOfPattern } from './tags.ts';
import type { Setup } from './use-setup.ts';
import classes from './training.module.css';

const SAVED = ['embed_tokens', 'lm_head'];
const TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

type Name = 'target_modules' | 'modules_to_save' | 'layers_to_transform' | 'rank_pattern' | 'alpha_pattern' | 'sample_prompts';

interface Props {
  readonly setup: Setup;
  readonly setting: Name;
  readonly value: readonly string[];
  readonly take: (tags: readonly string[]) => unknown;
  readonly data?: readonly string[];
  readonly placeholder?: string;
  /** What ends an entry, beside Enter. */
  readonly ends?: readonly string[];
}

/** A list, entry by entry; without any it is the template's. */
function Tags({ setup, setting, value, take, data = [], placeholder = '', ends = [',', '|'] }: Props) {
  const { t } = useTranslation();
  return (
    <TagsInput
      label={t(`training.settings.${setting}`)}
      description={
        <>
          {t(`training.notes.${setting}`)} <code className={classes.settingName}>{setting}</code>
        </>
      }
      data={[...data]}
      splitChars={[...ends]}
      placeholder={value.length === 0 ? placeholder : ''}
      value={[...value]}
      error={useProblem(setup, setting)}
      onChange={(tags) => give(setting, tags.length === 0 ? undefined : take(tags))}
    />
  );
}

/** Which matrices are adapted, and how: by their names, by layer, and by patterns. */
export function AdapterTags({ setup }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  const { draft, settings } = setup;
  const { target_modules: targets, layers_to_transform: layers, modules_to_save: saved } = settings;
  // As they were typed, right or wrong.
  const typed = (name: Name, read: unknown): unknown => draft.given[name] ?? read;
  const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
  return (
    <>
      <Tags
        setup={setup}
        setting="target_modules"
        value={targets === 'all-linear' ? [] : targets}
        take={(tags) => tags}
        data={TARGETS}
        placeholder={t('training.allLinear')}
      />
      <Tags
        setup={setup}
        setting="layers_to_transform"
        value={texts(typed('layers_to_transform', layers))}
        take={layersFromTags}
        placeholder={t('training.allLayers')}
      />
      {(['rank_pattern', 'alpha_pattern'] as const).map((name) => (
        <Tags
          key={name}
          setup={setup}
          setting={name}
          value={tagsOfPattern(typed(name, settings[name]))}
          take={patternFromTags}
          placeholder={name === 'rank_pattern' ? 'layers.0.q_proj=4' : 'v_proj=32'}
        />
      ))}
      <Tags setup={setup} setting="modules_to_save" value={texts(typed('modules_to_save', saved))} take={(tags) => tags} data={SAVED} />
    </>
  );
}

/** What the model is asked while it learns. */
export function PromptTags({ setup }: { readonly setup: Setup }) {
  // A prompt may hold commas.
  return <Tags setup={setup} setting="sample_prompts" value={setup.settings.sample_prompts} take={(tags) => tags} ends={[]} />;
}
