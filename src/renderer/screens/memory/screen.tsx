import { useNavigate, useSearch } from '@tanstack/react-router';
import { useDeferredValue, useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { correctionsOf } from '#core/memory/measured.ts';
import type { ModelFacts } from '#core/model/facts.ts';
import { ErrorPanel } from '../../components/error-panel.tsx';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { useFormat } from '../../format.ts';
import { useLive } from '../../live.ts';
import { canChat, canQuantize } from '../../models.ts';
import { useCall, useStream } from '../../queries.ts';
import {
  answerOf,
  cardRows,
  heatOf,
  placeOf,
  subjectOfModel,
  subjectOfSize,
  variantsOf,
  type Place,
  type Subject,
} from '#core/memory/answer.ts';
import { cards } from './cards.ts';
import { Controls } from './controls.tsx';
import type { Draft } from '#core/memory/draft.ts';
import { useDraft } from './draft.ts';
import { HardwarePanel } from './hardware.tsx';
import { HeatStrip } from './heat-strip.tsx';
import { MeasuredPanel } from './measured.tsx';
import { Result } from './result.tsx';
import { CardTable, RuleTable, VariantTable } from './tables.tsx';
import classes from './memory.module.css';

/** Where a model does not say what it was trained with. */
const USUAL_CONTEXT = 131_072;

/** What fits, where, and what would make it fit. All of it is reckoned in the page, while a slider moves. */
export function MemoryScreen() {
  const { t } = useTranslation();
  const format = useFormat();
  const search = useSearch({ from: '/memory' });
  const navigate = useNavigate({ from: '/memory' });
  const library = useCall('library.list', {});
  const draft = useDraft();
  const { memory } = useLive();
  const models = (library.data ?? []).filter(canQuantize);
  const model = models.find(({ id }) => id === search.model);
  // Until the header is read, and where it cannot be, what the library knows will do.
  const header = useCall(
    'memory.shape',
    { modelId: model?.id ?? '' },
    { enabled: model?.kind === 'gguf' && model.state.status === 'ready' },
  );
  const shape = model?.kind === 'gguf' ? (header.data?.shape ?? null) : null;
  const ownCards = useStream('memory.cards', {})?.cards;
  const measured = useCall('memory.measurements', {});
  const refetch = (): void => void measured.refetch();
  useStream('memory.measured', {}, refetch, refetch);
  const measurements = measured.data?.measurements;
  const learned = useMemo(() => correctionsOf(measurements ?? []), [measurements]);
  const subject = useMemo(
    () =>
      model === undefined
        ? subjectOfSize(draft.billions, draft.precision)
        : subjectOfModel(model.facts as ModelFacts, model.sizeBytes, shape),
    [model, shape, draft.billions, draft.precision],
  );
  const availableBytes = memory?.availableBytes;
  const place = useMemo(
    () =>
      availableBytes === undefined
        ? undefined
        : placeOf({ card: draft.card, cardCount: draft.cardCount }, cards, availableBytes, ownCards ?? []),
    [draft.card, draft.cardCount, availableBytes, ownCards],
  );
  const answer = useMemo(
    () => (subject === undefined || place === undefined ? undefined : answerOf(subject, draft, place, learned)),
    [subject, draft, place, learned],
  );
  return (
    <div className={classes.screen}>
      <header className={classes.header}>
        <ScreenTitle className={classes.title}>{t('estimate.title')}</ScreenTitle>
        <p className={classes.intro}>{t('estimate.intro')}</p>
      </header>
      {library.isError && (
        <div className={classes.notice}>
          <ErrorPanel
            error={library.error}
            action={{ label: t('common.retry'), run: () => void library.refetch(), busy: library.isFetching }}
          />
        </div>
      )}
      <div className={classes.body}>
        <Controls
          draft={draft}
          answer={answer}
          model={model}
          models={models}
          isSize={subject !== undefined}
          ownCards={ownCards ?? []}
          longest={subject?.shape.contextLength ?? USUAL_CONTEXT}
          layers={(subject?.shape.layers.length ?? 0) + 1}
          onModel={(id) => void navigate({ search: id === undefined ? {} : { model: id }, replace: true })}
        />
        <div className={classes.main}>
          {place === undefined && <p className={classes.note}>{t('estimate.noMemoryYet')}</p>}
          {answer !== undefined && subject !== undefined && place !== undefined && (
            <>
              <Result
                name={model?.name ?? `${format.parameters(subject.parameters)} ${subject.precision.toUpperCase()}`}
                draft={draft}
                answer={answer}
                chatModelId={model !== undefined && draft.task === 'run' && canChat(model) ? model.id : null}
              />
              <Elsewhere subject={subject} draft={draft} place={place} />
              <RuleTable comparison={answer.comparison} />
            </>
          )}
          {measured.error === null ? (
            measurements !== undefined && <MeasuredPanel measurements={measurements} draft={draft} />
          ) : (
            <ErrorPanel error={measured.error} action={{ label: t('common.retry'), run: () => void measured.refetch() }} />
          )}
          <HardwarePanel cards={ownCards} />
        </div>
      </div>
    </div>
  );
}

/** What many estimates are needed for: it follows a moving slider a moment later. */
function Elsewhere(now: { readonly subject: Subject; readonly draft: Draft; readonly place: Place }) {
  const subject = useDeferredValue(now.subject);
  const draft = useDeferredValue(now.draft);
  const place = useDeferredValue(now.place);
  const isRun = draft.task === 'run';
  const heat = useMemo(() => (isRun ? heatOf(subject, draft, place) : []), [isRun, subject, draft, place]);
  const variants = useMemo(() => (isRun ? variantsOf(subject, draft, place) : []), [isRun, subject, draft, place]);
  const rows = useMemo(() => cardRows(subject, draft, place, cards), [subject, draft, place]);
  return (
    <>
      {isRun && <HeatStrip rows={heat} hasCards={place.cards.length > 0} />}
      <div className={classes.pair}>
        {isRun && <VariantTable rows={variants} />}
        <CardTable rows={rows} current={draft.card} />
      </div>
    </>
  );
}
