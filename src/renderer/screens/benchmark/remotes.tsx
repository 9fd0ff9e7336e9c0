import { IconX } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { IconButton } from '../../components/icon-button.tsx';
import { RemoteVariant } from './remote-variant.tsx';
import { set } from './store.ts';
import type { Setup } from './use-setup.ts';
import classes from './benchmark.module.css';

/** Models behind endpoints that are measured along. What is asked of them leaves this computer, and they say so. */
export function Remotes({ setup: { engines, remotes, draft } }: { readonly setup: Setup }) {
  const { t } = useTranslation();
  return (
    <div>
      {remotes.length > 0 && (
        <ul className={classes.variants} aria-label={t('benchmark.variants.remotes')}>
          {remotes.map((remote) => {
            const name = `${remote.model} @ ${engines.find(({ id }) => id === remote.engineId)?.name ?? ''}`;
            return (
              <li key={name} data-adapter>
                <span className={classes.variantName}>
                  {name} <span className={classes.tag}>{t('benchmark.table.remote')}</span>
                </span>
                <IconButton
                  size={26}
                  label={t('benchmark.variants.remove', { name })}
                  onClick={() => set({ remotes: draft.remotes.filter((each) => each !== remote) })}
                >
                  <IconX size={14} />
                </IconButton>
              </li>
            );
          })}
        </ul>
      )}
      <RemoteVariant engines={engines} />
    </div>
  );
}
