import { IconChevronRight } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Ring } from '../../components/progress.tsx';
import { Markdown } from '../../markdown/markdown.tsx';
import classes from './turns.module.css';

/** What a model thought before it answered, folded away. */
export function Reasoning({ text, writing }: { readonly text: string; readonly writing: boolean }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const id = useId();
  return (
    <div className={classes.reasoning}>
      <button type="button" className={classes.fold} aria-expanded={open} aria-controls={id} onClick={() => setOpen(!open)}>
        {writing ? <Ring fraction={null} size={13} /> : <IconChevronRight size={14} aria-hidden />}
        {t(writing ? 'chat.reasoning.writing' : 'chat.reasoning.done')}
      </button>
      <div id={id} hidden={!open} className={classes.thoughts}>
        {open && <Markdown text={text} writing={writing} />}
      </div>
    </div>
  );
}
