import { Modal } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { keyCaps, type Keys } from '../commands/keys.ts';
import { useAllCommands, type CommandSection } from '../commands/registry.ts';
import { Kbd } from '../components/kbd.tsx';
import { closeDialog } from '../layers.ts';
import classes from './shortcuts.module.css';

const SECTIONS: readonly CommandSection[] = ['go', 'library', 'chat', 'app'];

/** Keys that belong to one part of a screen and are no commands: what moves and what opens. */
const LOCAL: Readonly<
  Record<'library' | 'chat', readonly { readonly words: 'move' | 'open' | 'send' | 'newline' | 'stop'; readonly keys: readonly Keys[] }[]>
> = {
  library: [
    { words: 'move', keys: ['arrowup', 'arrowdown'] },
    { words: 'open', keys: ['enter'] },
  ],
  chat: [
    { words: 'send', keys: ['enter'] },
    { words: 'newline', keys: ['shift+enter'] },
    { words: 'stop', keys: ['escape'] },
  ],
};

/** Every key that does something here and now. */
export function Shortcuts() {
  const { t } = useTranslation();
  const commands = useAllCommands();
  return (
    <Modal opened onClose={closeDialog} size="46rem" title={t('commands.shortcuts')} closeButtonProps={{ 'aria-label': t('common.close') }}>
      <div className={classes.sections} tabIndex={-1} data-autofocus>
        {SECTIONS.map((section) => {
          const listed = commands.filter((command) => command.section === section && command.keys !== undefined);
          const local = section === 'library' || section === 'chat' ? LOCAL[section] : [];
          if (listed.length + local.length === 0) return null;
          return (
            <section key={section} className={classes.section}>
              <h3 className={classes.title}>{t(`palette.sections.${section}`)}</h3>
              <dl>
                {listed.map(({ id, title, keys, alsoKeys }) => (
                  <div key={id} className={classes.row}>
                    <dt>{title}</dt>
                    <dd>
                      <Spoken keys={[keys, alsoKeys].filter((one) => one !== undefined)} />
                    </dd>
                  </div>
                ))}
                {local.map(({ words, keys }) => (
                  <div key={words} className={classes.row}>
                    <dt>{t(`shortcuts.${words}`)}</dt>
                    <dd>
                      <Spoken keys={keys} />
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          );
        })}
      </div>
    </Modal>
  );
}

/** Here the keys are the content, so they are read out too. */
function Spoken({ keys }: { readonly keys: readonly Keys[] }) {
  return (
    <span className={classes.keys}>
      {keys.map((one) => (
        <span key={JSON.stringify(one)}>
          <Kbd keys={one} />
          <span className="sr-only">{keyCaps(one).join(' + ')}</span>
        </span>
      ))}
    </span>
  );
}
