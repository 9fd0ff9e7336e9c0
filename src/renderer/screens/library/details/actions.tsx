import { Button, Menu } from '@mantine/core';
import {
  IconCopy,
  IconDots,
  IconFolderOpen,
  IconGauge,
  IconMessageCircle,
  IconPencil,
  IconShieldCheck,
  IconStack2,
  IconTransform,
  IconTrash,
} from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Model } from '#contract/library.ts';
import { copyText } from '../../../clipboard.ts';
import { IconButton } from '../../../components/icon-button.tsx';
import { Kbd } from '../../../components/kbd.tsx';
import { startJob } from '../../../jobs/start.ts';
import { openDialog } from '../../../layers.ts';
import { canChat, canQuantize, isAdapter } from '../../../models.ts';
import { goTo } from '../../../navigation.ts';
import { useAction, useCall } from '../../../queries.ts';
import { errorToast } from '../../../toasts.tsx';
import { mergeNow } from './merge-now.ts';
import classes from './details.module.css';

const SIZE = { size: 15, stroke: 1.8 };

/** What can be done with a model, the likeliest first. */
export function Actions({ model }: { readonly model: Model }) {
  const { t } = useTranslation();
  const { data: host } = useCall('system.host', {});
  const reveal = useAction('system.reveal');
  // A broken one is worth verifying: the checksum tells whether it broke here.
  const isThere = model.state.status !== 'missing';
  const [isMerging, setMerging] = useState(false);
  const merge = async (): Promise<void> => {
    setMerging(true);
    await mergeNow(model);
    setMerging(false);
  };
  return (
    <div className={classes.actions}>
      {canChat(model) && (
        <Button leftSection={<IconMessageCircle {...SIZE} />} onClick={() => goTo.newChat(model.id)}>
          {t('library.actions.chat')}
        </Button>
      )}
      {canQuantize(model) && (
        <Button
          variant={canChat(model) ? 'default' : 'filled'}
          leftSection={<IconTransform {...SIZE} />}
          onClick={() => goTo.convert(model.id)}
        >
          {t('library.actions.quantize')}
        </Button>
      )}
      {isAdapter(model) && model.state.status === 'ready' && (
        <>
          <Button leftSection={<IconStack2 {...SIZE} />} loading={isMerging} onClick={() => void merge()}>
            {t('adapters.oneClick')}
          </Button>
          <Button variant="default" onClick={() => goTo.adapters(model.id)}>
            {t('adapters.open')}
          </Button>
        </>
      )}
      <Button
        variant="default"
        leftSection={<IconShieldCheck {...SIZE} />}
        disabled={!isThere}
        onClick={() => void startJob({ kind: 'verify', modelId: model.id })}
      >
        {t('library.actions.verify')}
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <IconButton label={t('common.more')} variant="default" size={30}>
            <IconDots size={16} />
          </IconButton>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconPencil {...SIZE} />}
            rightSection={<Kbd keys="f2" />}
            onClick={() => openDialog({ kind: 'rename', modelId: model.id })}
          >
            {t('library.actions.rename')}
          </Menu.Item>
          {canQuantize(model) && (
            <Menu.Item leftSection={<IconGauge {...SIZE} />} onClick={() => goTo.benchmark(model.id)}>
              {t('benchmark.history.measure')}
            </Menu.Item>
          )}
          {host?.canReveal === true && (
            <Menu.Item
              leftSection={<IconFolderOpen {...SIZE} />}
              onClick={() => reveal.mutate({ path: model.path }, { onError: errorToast })}
            >
              {t(`library.actions.reveal.${host.platform}`)}
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconCopy {...SIZE} />} onClick={() => void copyText(model.path)}>
            {t('library.actions.copyPath')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            data-danger
            leftSection={<IconTrash {...SIZE} />}
            rightSection={<Kbd keys="delete" />}
            onClick={() => openDialog({ kind: 'remove', modelId: model.id })}
          >
            {t('library.actions.remove')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  );
}
