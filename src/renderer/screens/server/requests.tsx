import { IconArrowsExchange } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { ServerRequest } from '#contract/server.ts';
import { EmptyState } from '../../components/empty-state.tsx';
import { useFormat } from '../../format.ts';
import { showBidi } from '../../markdown/bidi.ts';
import { useStream } from '../../queries.ts';
import classes from './server.module.css';

/** As many as the program remembers. */
const SHOWN = 200;
/** A running request's time moves on. */
const TICK_MS = 500;

/** The newest first; those of an earlier connection are told anew. */
function useRequests(): readonly ServerRequest[] {
  const [requests, setRequests] = useState<readonly ServerRequest[]>([]);
  useStream(
    'server.requests',
    {},
    (request) =>
      setRequests((known) =>
        known.some(({ id }) => id === request.id)
          ? known.map((one) => (one.id === request.id ? request : one))
          : [request, ...known].slice(0, SHOWN),
      ),
    () => setRequests([]),
  );
  return requests;
}

function useTick(isOn: boolean): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => setNowMs(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [isOn]);
  return nowMs;
}

/** What other programs ask: which model, how much, how it ended. Their words are not kept. */
export function Requests({ isOn }: { readonly isOn: boolean }) {
  const { t } = useTranslation();
  const requests = useRequests();
  const nowMs = useTick(requests.some(({ state }) => state === 'running'));
  return (
    <section className={classes.section} aria-label={t('server.requests.title')}>
      <div className={classes.sectionHead}>
        <h2 className={classes.sectionTitle}>{t('server.requests.title')}</h2>
        <p className={classes.note}>{t('server.requests.note')}</p>
      </div>
      {requests.length === 0 ? (
        <div className={classes.empty}>
          <EmptyState
            icon={<IconArrowsExchange size={22} stroke={1.5} />}
            title={t('server.requests.none')}
            text={t(isOn ? 'server.requests.noneOn' : 'server.requests.noneOff')}
          />
        </div>
      ) : (
        // Scrolls sideways in a narrow window: reachable by keyboard.
        <div className={classes.tableFrame} tabIndex={0} role="group" aria-label={t('server.requests.title')}>
          <table className={classes.requests}>
            <thead>
              <tr>
                <th scope="col">{t('server.requests.time')}</th>
                <th scope="col">{t('server.requests.asked')}</th>
                <th scope="col">{t('server.requests.model')}</th>
                <th scope="col" data-number>
                  {t('server.requests.prompt')}
                </th>
                <th scope="col" data-number>
                  {t('server.requests.answer')}
                </th>
                <th scope="col" data-number>
                  {t('server.requests.duration')}
                </th>
                <th scope="col">{t('server.requests.state')}</th>
              </tr>
            </thead>
            <tbody>
              {requests.map((request) => (
                <Row key={request.id} request={request} nowMs={nowMs} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const KINDS = {
  '/v1/chat/completions': 'chat',
  '/v1/completions': 'completion',
  '/v1/embeddings': 'embeddings',
  '/v1/models': 'models',
} as const;

function Row({ request, nowMs }: { readonly request: ServerRequest; readonly nowMs: number }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { path, model, adapters, isStream, state, status, startedMs, promptTokens, cachedTokens, answerTokens } = request;
  const kind = path in KINDS ? KINDS[path as keyof typeof KINDS] : undefined;
  return (
    <tr data-state={state}>
      <td className={classes.time}>{format.clock(startedMs)}</td>
      <td className={classes.asked}>
        {kind === undefined ? <code>{showBidi(path)}</code> : t(`server.requests.kinds.${kind}`)}
        {isStream && <span className={classes.aside}>{t('server.requests.streamed')}</span>}
      </td>
      <td className={classes.model} title={[model ?? '', ...adapters.map(({ name, scale }) => `${name} × ${scale}`)].join(', ')}>
        {model === null || model === '' ? '–' : showBidi(model)}
        {adapters.length > 0 && (
          <span className={classes.adapters}>
            {adapters.map(({ name, scale }) => `${showBidi(name)} × ${format.figure(scale)}`).join(', ')}
          </span>
        )}
      </td>
      <td data-number>
        {promptTokens === 0 ? '–' : format.number(promptTokens)}
        {cachedTokens > 0 && <span className={classes.aside}>{t('server.requests.cached', { tokens: format.number(cachedTokens) })}</span>}
      </td>
      <td data-number>{answerTokens === 0 ? '–' : format.number(answerTokens)}</td>
      <td data-number>{format.duration(request.durationMs ?? Math.max(0, nowMs - startedMs))}</td>
      <td>
        <span className={classes.state} data-state={state}>
          {t(`server.requests.states.${state}`)}
          {(state === 'refused' || state === 'failed') && status !== null && ` · ${status}`}
        </span>
      </td>
    </tr>
  );
}
