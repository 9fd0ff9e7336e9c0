import { Button, Modal, Textarea, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { isBuiltinTool } from '#core/chat/builtin-tools.ts';
import { tool as toolSchema } from '#contract/chat.ts';
import type { Settings } from '#contract/system.ts';
import { DialogFoot } from '../../components/dialog-foot.tsx';
import classes from './panel.module.css';

type OwnTool = Settings['tools'][number];

interface Props {
  /** Null: a new one. */
  readonly tool: OwnTool | null;
  readonly taken: readonly string[];
  readonly onSave: (tool: OwnTool) => void;
  readonly onClose: () => void;
}

const EMPTY_PARAMETERS = { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] };

/** A function of the user's own: its name, what it is for, and the schema of its arguments. */
export function ToolDialog({ tool, taken, onSave, onClose }: Props) {
  const { t } = useTranslation();
  const [name, setName] = useState(tool?.name ?? '');
  const [description, setDescription] = useState(tool?.description ?? '');
  const [parameters, setParameters] = useState(JSON.stringify(tool?.parameters ?? EMPTY_PARAMETERS, null, 2));
  const isTaken = isBuiltinTool(name) || (name !== tool?.name && taken.includes(name));
  const isNamed = toolSchema.shape.name.safeParse(name).success;
  const schema = parsed(parameters);
  return (
    <Modal
      opened
      onClose={onClose}
      size="34rem"
      title={t(tool === null ? 'chatTools.add' : 'chatTools.change')}
      closeButtonProps={{ 'aria-label': t('common.close') }}
    >
      <form
        className={classes.dialog}
        onSubmit={(event) => {
          event.preventDefault();
          if (schema !== null) onSave({ name, parameters: schema, ...(description.trim() === '' ? {} : { description }) });
        }}
      >
        <TextInput
          data-autofocus
          label={t('chatTools.name')}
          description={t('chatTools.nameNote')}
          maxLength={64}
          value={name}
          error={isTaken ? t('chatTools.taken') : name !== '' && !isNamed ? t('chatTools.badName') : undefined}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Textarea
          label={t('chatTools.purpose')}
          description={t('chatTools.purposeNote')}
          autosize
          minRows={2}
          maxRows={6}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <Textarea
          className={classes.code ?? ''}
          label={t('chatTools.schema')}
          description={t('chatTools.schemaNote')}
          autosize
          minRows={6}
          maxRows={16}
          spellCheck={false}
          value={parameters}
          error={schema === null ? t('chatTools.badSchema') : undefined}
          onChange={(event) => setParameters(event.currentTarget.value)}
        />
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t('common.cancel')}
          </Button>
          <Button type="submit" disabled={!isNamed || isTaken || schema === null}>
            {t('common.save')}
          </Button>
        </DialogFoot>
      </form>
    </Modal>
  );
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
