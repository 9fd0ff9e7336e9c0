import { useTranslation } from 'react-i18next';
import { ScreenTitle } from '../../components/screen-title.tsx';
import { useStream } from '../../queries.ts';
import { Access } from './access.tsx';
import { Requests } from './requests.tsx';
import { ServerSwitch } from './server-switch.tsx';
import classes from './server.module.css';

/** Let other programs on this computer ask the library's models, and see what they ask. */
export function ServerScreen() {
  const { t } = useTranslation();
  const status = useStream('server.status', {});
  return (
    <div className={classes.screen}>
      <header className={classes.header}>
        <ScreenTitle className={classes.title}>{t('server.title')}</ScreenTitle>
        <p className={classes.intro}>{t('server.intro')}</p>
      </header>
      <div className={classes.body}>
        {status !== undefined && <ServerSwitch status={status} />}
        {status?.state === 'running' && <Access running={status} />}
        <Requests isOn={status?.state === 'running'} />
      </div>
    </div>
  );
}
