import { useTranslation } from 'react-i18next';
import { useFormat } from '../../format.ts';
import { answersOf, type MeasuredRun } from './results.ts';
import classes from './benchmark.module.css';

/** How an answer that was cut at its limit ends: here, and by OpenAI's word for it. */
const CUT: ReadonlySet<string> = new Set(['maxTokens', 'length']);

/** What the targets answered to the user's prompts, beside each other. */
export function AnswersView({ measured }: { readonly measured: MeasuredRun }) {
  const { t } = useTranslation();
  const format = useFormat();
  const prompts = answersOf(measured);
  if (prompts.length === 0) return null;
  return (
    <section aria-labelledby="benchmark-answers">
      <h3 className={classes.subtitle} id="benchmark-answers">
        {t('benchmark.answers.title')}
      </h3>
      <ol className={classes.answers}>
        {prompts.map(({ prompt, answers }, place) => (
          <li key={`${place} ${prompt}`}>
            <p className={classes.prompt}>{prompt}</p>
            <div className={classes.answerRow} role="region" aria-label={prompt} tabIndex={0}>
              {answers.map(({ name, output }, column) => (
                <article key={`${column} ${name}`} className={classes.answer}>
                  <h4>{name}</h4>
                  <p className={classes.answerText} data-none={output === null || undefined}>
                    {output === null ? t('benchmark.answers.none') : output.text}
                  </p>
                  {output !== null && (
                    <p className={`${classes.note} num`}>
                      {[
                        output.tokensPerSecond === null
                          ? null
                          : t('benchmark.answers.rate', { rate: format.figure(output.tokensPerSecond) }),
                        output.tokens === null ? null : t('benchmark.answers.tokens', { count: output.tokens }),
                        CUT.has(output.stopReason) ? t('benchmark.answers.cut') : null,
                      ]
                        .filter((part) => part !== null)
                        .join(' · ')}
                    </p>
                  )}
                </article>
              ))}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}
