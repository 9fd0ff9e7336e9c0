import { Button, Checkbox } from '@mantine/core';
import { IconPencil, IconPlus, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { BUILTIN_TOOLS } from '#core/chat/builtin-tools.ts';
import type { Settings } from '#contract/system.ts';
import { IconButton } from '../../components/icon-button.tsx';
import { useAction, useCall } from '../../queries.ts';
import { errorToast, undoToast } from '../../toasts.tsx';
import { Group } from './sampling-fields.tsx';
import { ToolDialog } from './tool-dialog.tsx';
import type { Chat } from './use-chat.ts';
import classes from './panel.module.css';

type OwnTool = Settings['tools'][number];

/** The functions that the model may ask to have called. */
export function ToolsField({ chat }: { readonly chat: Chat }) {
  const { t } = useTranslation();
  const { data: settings } = useCall('system.settings', {});
  const action = useAction('system.changeSettings');
  const [edited, setEdited] = useState<OwnTool | 'new' | null>(null);
  const { tools: chosen } = chat.settings;
  const own = settings?.tools ?? [];
  const choose = (name: string, isOn: boolean): void =>
    chat.change({ tools: isOn ? [...chosen, name] : chosen.filter((other) => other !== name) });
  const save = (tools: readonly OwnTool[]): void => action.mutate({ tools: [...tools] }, { onError: errorToast });
  return (
    <Group title={t('chatTools.title')} open={chosen.length > 0} isChanged={chosen.length > 0}>
      <p className={classes.note}>{t('chatTools.note')}</p>
      {BUILTIN_TOOLS.map(({ name }) => (
        <Checkbox
          key={name}
          size="xs"
          label={t(`chatTools.builtin.${name}.name`)}
          description={t(`chatTools.builtin.${name}.note`)}
          checked={chosen.includes(name)}
          onChange={(event) => choose(name, event.currentTarget.checked)}
        />
      ))}
      {own.map((tool) => (
        <div key={tool.name} className={classes.ownTool}>
          <Checkbox
            size="xs"
            label={tool.name}
            description={tool.description}
            checked={chosen.includes(tool.name)}
            onChange={(event) => choose(tool.name, event.currentTarget.checked)}
          />
          <IconButton size={24} label={t('chatTools.edit', { name: tool.name })} onClick={() => setEdited(tool)}>
            <IconPencil size={14} />
          </IconButton>
          <IconButton
            size={24}
            label={t('chatTools.remove', { name: tool.name })}
            onClick={() => {
              save(own.filter(({ name }) => name !== tool.name));
              undoToast(`tool-${tool.name}`, t('chatTools.removed', { name: tool.name }), () => save(own));
            }}
          >
            <IconTrash size={14} />
          </IconButton>
        </div>
      ))}
      <Button variant="default" leftSection={<IconPlus size={14} />} onClick={() => setEdited('new')}>
        {t('chatTools.add')}
      </Button>
      {edited !== null && (
        <ToolDialog
          tool={edited === 'new' ? null : edited}
          taken={own.map(({ name }) => name)}
          onClose={() => setEdited(null)}
          onSave={(tool) => {
            const rest = own.filter(({ name }) => name !== (edited === 'new' ? tool.name : edited.name));
            save([...rest, tool]);
            if (edited === 'new') choose(tool.name, true);
            else if (edited.name !== tool.name && chosen.includes(edited.name))
              chat.change({ tools: chosen.map((name) => (name === edited.name ? tool.name : name)) });
            setEdited(null);
          }}
        />
      )}
    </Group>
  );
}
