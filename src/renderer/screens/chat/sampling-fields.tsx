import { NumberInput, Slider, Switch, TagsInput } from '@mantine/core';
import { IconArrowBackUp, IconChevronRight } from '@tabler/icons-react';
import { useId, useState, type ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { MAX_STOP_LENGTH, MAX_STOP_STRINGS, SAMPLING_PARAMETERS } from '#core/sampling/parameters.ts';
import type { Sampling } from '#contract/chat.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { useFormat } from '../../format.ts';
import { groupsFor, spanOf, type SliderParameter } from './sampling-groups.ts';
import type { Chat } from './use-chat.ts';
import classes from './panel.module.css';

/** As many answers as a message can get at once, and alternatives of each token that are shown. */
const MAX_ANSWERS = 8;
const TOLD_ALTERNATIVES = 5;

/** Every setting of how the next token is chosen, and of when an answer ends. */
export function SamplingFields({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { sampling, answerCount } = chat.settings;
  const groups = groupsFor(chat.remote?.engine?.dialect);
  const set = (changes: Partial<Sampling>): void => chat.change({ sampling: { ...sampling, ...changes } });
  return (
    <>
      {groups.map(({ name, open, parameters }) => (
        <Group
          key={name}
          title={t(`chatSampling.groups.${name}`)}
          open={open}
          isChanged={parameters.some((parameter) => sampling[parameter] !== SAMPLING_PARAMETERS[parameter].standard)}
        >
          {parameters.map((parameter) => (
            <SliderRow key={parameter} name={parameter} value={sampling[parameter]} onChange={(value) => set({ [parameter]: value })} />
          ))}
        </Group>
      ))}
      <Group title={t('chatSampling.groups.answer')} open isChanged={false}>
        <NumberInput
          label={t('chatSampling.maxTokens.label')}
          description={t('chatSampling.maxTokens.note')}
          inputWrapperOrder={['label', 'input', 'description']}
          min={SAMPLING_PARAMETERS.maxTokens.min}
          max={SAMPLING_PARAMETERS.maxTokens.max}
          step={64}
          allowDecimal={false}
          value={sampling.maxTokens}
          onChange={(maxTokens) => typeof maxTokens === 'number' && maxTokens >= 1 && set({ maxTokens })}
        />
        <TagsInput
          label={t('chatSampling.stop.label')}
          description={t('chatSampling.stop.note')}
          inputWrapperOrder={['label', 'input', 'description']}
          maxTags={MAX_STOP_STRINGS}
          maxLength={MAX_STOP_LENGTH}
          splitChars={[]}
          value={(sampling.stop ?? []).map(escaped)}
          onChange={(stop) => set({ stop: stop.map(unescaped) })}
        />
        <NumberInput
          label={t('chatSampling.answers.label')}
          description={t('chatSampling.answers.note')}
          inputWrapperOrder={['label', 'input', 'description']}
          min={1}
          max={MAX_ANSWERS}
          allowDecimal={false}
          value={answerCount}
          onChange={(count) => typeof count === 'number' && count >= 1 && count <= MAX_ANSWERS && chat.change({ answerCount: count })}
        />
        <div className={classes.stack}>
          <Switch
            label={t('chatSampling.seed.random')}
            checked={sampling.seed === null}
            onChange={(event) => set({ seed: event.currentTarget.checked ? null : 42 })}
          />
          {sampling.seed !== null && (
            <NumberInput
              aria-label={t('chatSampling.seed.label')}
              min={0}
              max={0xffff_ffff}
              allowDecimal={false}
              value={sampling.seed}
              onChange={(seed) => typeof seed === 'number' && seed >= 0 && set({ seed })}
            />
          )}
          <p className={classes.note}>{t('chatSampling.seed.note')}</p>
        </div>
        {chat.remote === null && (
          <div className={classes.stack}>
            <Switch
              label={t('chatTokens.tell')}
              checked={sampling.topLogprobs !== undefined}
              onChange={(event) => set({ topLogprobs: event.currentTarget.checked ? TOLD_ALTERNATIVES : undefined })}
            />
            <p className={classes.note}>{t('chatTokens.tellNote')}</p>
          </div>
        )}
      </Group>
    </>
  );
}

/** A stop string in one line: what cannot be typed into the field is written as in most languages. */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
const unescaped = (text: string): string => text.replace(/\\(.)/g, (_, letter: string) => ({ n: '\n', t: '\t' })[letter] ?? letter);

interface GroupProps {
  readonly title: string;
  readonly open: boolean;
  /** Something in it is not as usual. */
  readonly isChanged: boolean;
  readonly children: ReactNode;
}

/** A part of the panel that can be folded away. */
export function Group({ title, open: first, isChanged, children }: GroupProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(first);
  const id = useId();
  return (
    <section className={classes.group}>
      <h3>
        <button type="button" className={classes.groupHead} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
          <IconChevronRight size={14} aria-hidden />
          {title}
          {isChanged && !open && <span className={classes.changed}>{t('chatSampling.changed')}</span>}
        </button>
      </h3>
      <div id={id} className={classes.groupBody} hidden={!open}>
        {children}
      </div>
    </section>
  );
}

interface SliderProps {
  readonly name: SliderParameter;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

/** One number: a slider with its useful part marked, a field for any value, and the way back to the usual one. */
function SliderRow({ name, value, onChange }: SliderProps) {
  const { t } = useTranslation();
  const format = useFormat();
  const id = useId();
  const label = t(`chatSampling.${name}.label`);
  const { min: least, max: most, standard, useful } = SAMPLING_PARAMETERS[name];
  const { min, max, step, decimals, useful: share } = spanOf(name);
  return (
    <div className={classes.row}>
      <div className={classes.rowHead}>
        <label htmlFor={id}>{label}</label>
        {value !== standard && (
          <IconButton
            size={22}
            label={t('chatSampling.resetOne', { name: label, value: format.figure(standard) })}
            onClick={() => onChange(standard)}
          >
            <IconArrowBackUp size={14} />
          </IconButton>
        )}
        <NumberInput
          id={id}
          hideControls
          variant="unstyled"
          classNames={{ input: classes.number ?? '' }}
          value={value}
          min={least}
          max={most}
          step={step}
          decimalScale={decimals}
          onChange={(next) => typeof next === 'number' && next >= least && next <= most && onChange(next)}
        />
      </div>
      <div className={classes.slider}>
        <span
          className={classes.useful}
          style={{ insetInlineStart: `${share[0] * 100}%`, width: `${(share[1] - share[0]) * 100}%` }}
          aria-hidden
        />
        <Slider
          size={4}
          label={null}
          thumbLabel={label}
          min={min}
          max={max}
          step={step}
          value={Math.min(max, Math.max(min, value))}
          onChange={(next) => onChange(Number(next.toFixed(decimals)))}
        />
      </div>
      <p className={classes.note}>
        {t(`chatSampling.${name}.note`)}{' '}
        <span className={classes.range}>{t('chatSampling.useful', { from: format.figure(useful[0]), to: format.figure(useful[1]) })}</span>
      </p>
    </div>
  );
}
