import { Button, Combobox, TextInput, useCombobox } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { IconFile, IconFolder } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useFormat } from '../format.ts';
import { asFolder, folderOf, nameOf } from '../paths.ts';
import { useAction, useCall } from '../queries.ts';
import { errorToast } from '../toasts.tsx';
import classes from './path-field.module.css';

interface Props {
  readonly label: string;
  /** Where a heading already says it, the label is only read out. */
  readonly labelHidden?: boolean;
  readonly description?: string;
  readonly value: string;
  readonly onChange: (path: string) => void;
  /** What the system's dialog is to ask for, where there is one. */
  readonly pick?: 'open' | 'save';
  readonly suggestedName?: string;
  /** Whether the dialog that it is in begins with it. */
  readonly first?: boolean;
}

const TYPING_MS = 120;
const MOST_SHOWN = 60;

/** A path, typed with completion from the computer that Lathe runs on, or chosen in the system's dialog. */
export function PathField({
  label,
  labelHidden = false,
  description,
  value,
  onChange,
  pick = 'open',
  suggestedName,
  first = false,
}: Props) {
  const { t } = useTranslation();
  const format = useFormat();
  const { data: host } = useCall('system.host', {});
  const dialog = useAction('system.pick');
  const box = useCombobox({ onDropdownClose: () => box.resetSelectedOption() });
  const [typed] = useDebouncedValue(value, TYPING_MS);
  const folder = folderOf(typed);
  const { data: listing } = useCall('system.listFolder', { path: folder }, { enabled: box.dropdownOpened });
  const options = useMemo(() => {
    const start = nameOf(value).toLowerCase();
    return (listing?.entries ?? [])
      .filter(({ name }) => name.toLowerCase().startsWith(start) && (start !== '' || !name.startsWith('.')))
      .slice(0, MOST_SHOWN);
  }, [listing, value]);

  const ask = (what: 'file' | 'folder' | 'save'): void =>
    dialog.mutate(
      { what, title: label, ...(suggestedName === undefined ? {} : { suggestedName }) },
      { onSuccess: (path) => path !== null && onChange(path), onError: errorToast },
    );
  const choose = (path: string): void => {
    const entry = options.find((option) => option.path === path);
    onChange(entry?.isFolder === true ? asFolder(path) : path);
    if (entry?.isFolder !== true) box.closeDropdown();
    box.resetSelectedOption();
  };

  return (
    <div className={classes.field}>
      <Combobox store={box} onOptionSubmit={choose} position="bottom-start">
        <Combobox.Target>
          <TextInput
            {...(labelHidden ? { 'aria-label': label } : { label })}
            description={description}
            value={value}
            spellCheck={false}
            autoComplete="off"
            data-autofocus={first || undefined}
            placeholder={host?.platform === 'win32' ? 'C:\\models\\…' : '/home/…'}
            classNames={{ input: classes.input ?? '' }}
            onClick={() => box.openDropdown()}
            onBlur={() => box.closeDropdown()}
            onChange={(event) => {
              onChange(event.currentTarget.value);
              box.openDropdown();
            }}
            onKeyDown={(event) => {
              // Tab completes the only candidate, as shells do.
              const [only, ...others] = options;
              if (
                event.key === 'Tab' &&
                !event.shiftKey &&
                box.dropdownOpened &&
                only !== undefined &&
                others.length === 0 &&
                only.path !== value
              ) {
                event.preventDefault();
                choose(only.path);
              }
              if (event.key === 'Escape' && box.dropdownOpened) {
                event.stopPropagation();
                event.nativeEvent.stopImmediatePropagation();
                box.closeDropdown();
              }
            }}
          />
        </Combobox.Target>
        {options.length > 0 && (
          <Combobox.Dropdown>
            <Combobox.Options className={classes.options ?? ''} aria-label={t('path.entries')}>
              {options.map(({ name, path, isFolder, sizeBytes }) => (
                <Combobox.Option key={path} value={path}>
                  <span className={classes.option}>
                    {isFolder ? <IconFolder size={15} stroke={1.7} aria-hidden /> : <IconFile size={15} stroke={1.7} aria-hidden />}
                    <span className={classes.optionName}>{name}</span>
                    <span className={`${classes.optionSize} num`}>{isFolder ? '' : format.bytes(sizeBytes)}</span>
                  </span>
                </Combobox.Option>
              ))}
            </Combobox.Options>
          </Combobox.Dropdown>
        )}
      </Combobox>
      {host?.canPickFile === true && (
        <div className={classes.pickers}>
          {pick === 'save' ? (
            <Button variant="default" onClick={() => ask('save')}>
              {t('path.save')}
            </Button>
          ) : (
            <>
              <Button variant="default" onClick={() => ask('file')}>
                {t('path.file')}
              </Button>
              <Button variant="default" onClick={() => ask('folder')}>
                {t('path.folder')}
              </Button>
            </>
          )}
        </div>
      )}
    </div>
  );
}
