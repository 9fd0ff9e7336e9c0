import { IconFilter, IconMessageCircle, IconPencil, IconShieldCheck, IconStar, IconTransform, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useCommands, type Command } from '../../commands/registry.ts';
import { startJob } from '../../jobs/start.ts';
import { openDialog } from '../../layers.ts';
import { canChat, canQuantize } from '../../models.ts';
import { goTo } from '../../navigation.ts';
import { useAction } from '../../queries.ts';
import type { LibraryView } from './use-library.ts';

const SIZE = { size: 16, stroke: 1.7 };

/** What can be done on this screen, mostly with the selected model. */
export function useLibraryCommands({ selected }: LibraryView, focusFilter: () => void): void {
  const { t } = useTranslation();
  const update = useAction('library.update');
  const withModel = (
    command: Omit<Command, 'section' | 'run' | 'title'> & { readonly verb: string; run(modelId: string): void },
  ): Command[] =>
    selected === undefined
      ? []
      : [
          {
            ...command,
            section: 'library',
            title: t('commands.onModel', { verb: command.verb, name: selected.name }),
            run: () => command.run(selected.id),
          },
        ];

  useCommands('library', [
    {
      id: 'library.filter',
      title: t('commands.filter'),
      section: 'library',
      keys: '/',
      alsoKeys: 'mod+f',
      icon: <IconFilter {...SIZE} />,
      run: focusFilter,
    },
    ...withModel({
      id: 'library.chat',
      verb: t('library.actions.chat'),
      keys: 'c',
      icon: <IconMessageCircle {...SIZE} />,
      enabled: selected !== undefined && canChat(selected),
      run: (modelId) => goTo.newChat(modelId),
    }),
    ...withModel({
      id: 'library.quantize',
      verb: t('library.actions.quantize'),
      keys: 'q',
      icon: <IconTransform {...SIZE} />,
      enabled: selected !== undefined && canQuantize(selected),
      run: (modelId) => goTo.convert(modelId),
    }),
    ...withModel({
      id: 'library.verify',
      verb: t('library.actions.verify'),
      icon: <IconShieldCheck {...SIZE} />,
      enabled: selected !== undefined && selected.state.status !== 'missing',
      run: (modelId) => void startJob({ kind: 'verify', modelId }),
    }),
    ...withModel({
      id: 'library.rename',
      verb: t('library.actions.rename'),
      keys: 'f2',
      icon: <IconPencil {...SIZE} />,
      run: (modelId) => openDialog({ kind: 'rename', modelId }),
    }),
    ...withModel({
      id: 'library.favourite',
      verb: t(selected?.favourite === true ? 'library.actions.unstar' : 'library.actions.star'),
      keys: 's',
      icon: <IconStar {...SIZE} />,
      run: (modelId) => update.mutate({ modelId, favourite: selected?.favourite !== true }),
    }),
    ...withModel({
      id: 'library.remove',
      verb: t('library.actions.remove'),
      keys: 'delete',
      icon: <IconTrash {...SIZE} />,
      run: (modelId) => openDialog({ kind: 'remove', modelId }),
    }),
  ]);
}
