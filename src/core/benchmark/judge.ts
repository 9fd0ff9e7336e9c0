import type { Question } from './questions.ts';
import { shareInterval, type ShareInterval } from './statistics.ts';

/** How likely a model holds an answer: nats of all its tokens, and how many these are. */
interface AnswerScore {
  readonly logLikelihood: number;
  readonly tokens: number;
  readonly isLikeliest: boolean;
}

export interface JudgedQuestion {
  readonly id: string;
  readonly kind: Question['kind'];
  readonly isRight: boolean;
  /** Of a token in the mean: of each choice, or of the one answer. */
  readonly logLikelihoods: number[];
}

export interface Judgement {
  readonly cloze: (ShareInterval & { readonly meanLogLikelihood: number }) | null;
  readonly choice: ShareInterval | null;
  readonly items: JudgedQuestion[];
}

/** Questions that are told one by one. */
const MOST_ITEMS = 1000;

/**
 * What a model knows. A cloze is right where each token of the answer is the likeliest; of choices the one with the largest mean
 * log-likelihood counts, the first of equal ones.
 * @param scores of `pairsOf(questions)`, in that order
 */
export function judgeQuestions(questions: readonly Question[], scores: readonly AnswerScore[]): Judgement {
  let next = 0;
  const take = (): AnswerScore => {
    const score = scores[next++];
    if (score === undefined) throw new RangeError('fewer scores than answers');
    return score;
  };
  const mean = ({ logLikelihood, tokens }: AnswerScore): number => logLikelihood / tokens;
  const items = questions.map((question): JudgedQuestion => {
    const { id, kind } = question;
    if (question.kind === 'cloze') {
      const score = take();
      return { id, kind, isRight: score.isLikeliest, logLikelihoods: [mean(score)] };
    }
    const logLikelihoods = question.choices.map(() => mean(take()));
    const best = logLikelihoods.indexOf(Math.max(...logLikelihoods));
    return { id, kind, isRight: best === question.answer, logLikelihoods };
  });
  const of = (kind: Question['kind']): readonly JudgedQuestion[] => items.filter((item) => item.kind === kind);
  const shareOf = (some: readonly JudgedQuestion[]): ShareInterval =>
    shareInterval(some.filter(({ isRight }) => isRight).length, some.length);
  const [cloze, choice] = [of('cloze'), of('choice')];
  const meanOf = (some: readonly JudgedQuestion[]): number =>
    some.reduce((sum, { logLikelihoods }) => sum + (logLikelihoods[0] ?? 0), 0) / some.length;
  return {
    cloze: cloze.length === 0 ? null : { ...shareOf(cloze), meanLogLikelihood: meanOf(cloze) },
    choice: choice.length === 0 ? null : shareOf(choice),
    items: items.slice(0, MOST_ITEMS),
  };
}
