import { memo, useId, useMemo, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { TokenChoice } from '#contract/chat.ts';
import { useFormat } from '../../format.ts';
import { probabilityBand, visibleToken } from './token-words.ts';
import classes from './turns.module.css';

/** So many tokens are laid out together; those out of view are not drawn. */
const CHUNK = 256;

/** The tokens of an answer, the unlikely ones marked. The one under the pointer or the focus shows what could have stood there. */
export function TokenView({ tokens }: { readonly tokens: readonly TokenChoice[] }) {
  const { t } = useTranslation();
  const [place, setPlace] = useState(0);
  const id = useId();
  const chunks = useMemo(
    () => Array.from({ length: Math.ceil(tokens.length / CHUNK) }, (_, index) => tokens.slice(index * CHUNK, (index + 1) * CHUNK)),
    [tokens],
  );
  const point = (target: EventTarget): void => {
    const found = target instanceof HTMLElement ? Number(target.dataset['place'] ?? NaN) : NaN;
    if (Number.isInteger(found)) setPlace(found);
  };
  const move = (by: number): void => setPlace(Math.min(tokens.length - 1, Math.max(0, place + by)));
  const current = tokens[place];
  return (
    <div className={classes.tokens}>
      <div
        className={classes.tokenText}
        role="listbox"
        aria-label={t('chatTokens.hint')}
        aria-activedescendant={`${id}-${place}`}
        tabIndex={0}
        onMouseOver={(event) => point(event.target)}
        onFocus={(event) => point(event.target)}
        onKeyDown={(event) => {
          if (event.key === 'ArrowRight') move(1);
          else if (event.key === 'ArrowLeft') move(-1);
          else if (event.key === 'Home') setPlace(0);
          else if (event.key === 'End') setPlace(tokens.length - 1);
          else return;
          event.preventDefault();
        }}
      >
        {chunks.map((chunk, index) => (
          <Chunk
            key={index}
            id={id}
            tokens={chunk}
            from={index * CHUNK}
            current={place >= index * CHUNK && place < (index + 1) * CHUNK ? place : null}
          />
        ))}
      </div>
      {current !== undefined && <Alternatives choice={current} />}
    </div>
  );
}

interface ChunkProps {
  readonly id: string;
  readonly tokens: readonly TokenChoice[];
  readonly from: number;
  /** The place of the current token, where it is in here. */
  readonly current: number | null;
}

const Chunk = memo(function Chunk({ id, tokens, from, current }: ChunkProps) {
  return (
    <span className={classes.chunk}>
      {tokens.map(({ text, logprob }, index) => (
        <span
          key={index}
          id={`${id}-${from + index}`}
          role="option"
          aria-selected={from + index === current}
          className={classes.token}
          data-place={from + index}
          data-band={probabilityBand(logprob)}
          data-current={from + index === current || undefined}
        >
          {text}
        </span>
      ))}
    </span>
  );
});

function Alternatives({ choice }: { readonly choice: TokenChoice }) {
  const { t } = useTranslation();
  const format = useFormat();
  // The chosen token may be less likely than all that are told.
  const isTold = choice.top.some(({ text, logprob }) => text === choice.text && logprob === choice.logprob);
  const rows = isTold ? choice.top : [...choice.top, choice];
  return (
    <table className={`${classes.alternatives} num`} aria-live="polite">
      <caption>{t('chatTokens.instead')}</caption>
      <tbody>
        {rows.map(({ text, logprob }, index) => (
          <tr key={index} data-chosen={(text === choice.text && logprob === choice.logprob) || undefined}>
            <th scope="row">{visibleToken(text)}</th>
            <td>
              <span className={classes.share} style={{ width: `${Math.exp(logprob) * 100}%` }} aria-hidden />
              {format.share(Math.exp(logprob))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
