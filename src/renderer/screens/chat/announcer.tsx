import { useEffect, useRef, useState } from 'react';
import type { Message } from '#contract/chat.ts';
import { useAnswerTexts, type Generation } from './generation.ts';
import { newSentences } from './sentences.ts';

interface Props {
  readonly threadId: string;
  readonly generation: Generation | undefined;
  /** The last message of the branch: the answer, when it is done. */
  readonly finished: Message | undefined;
}

/** Reads an answer out as it is written, sentence by sentence. */
export function Announcer({ threadId, generation, finished }: Props) {
  const [said, setSaid] = useState('');
  const progress = useRef<{ answerId: string; upTo: number } | null>(null);
  const answerId = generation?.answerId ?? null;
  const text = useAnswerTexts((texts) => (generation === undefined ? '' : (texts[threadId] ?? '')));

  useEffect(() => {
    if (answerId !== null) {
      if (progress.current?.answerId !== answerId) progress.current = { answerId, upTo: 0 };
      const { said: sentences, upTo } = newSentences(text, progress.current.upTo, false);
      progress.current.upTo = upTo;
      if (sentences !== '') setSaid(sentences);
      return;
    }
    const left = progress.current;
    progress.current = null;
    if (left !== null && finished?.id === left.answerId) {
      const { said: rest } = newSentences(finished.text, left.upTo, true);
      if (rest !== '') setSaid(rest);
    }
  }, [answerId, text, finished]);

  return (
    <div className="sr-only" aria-live="polite">
      {said}
    </div>
  );
}
