import { useTranslation } from 'react-i18next';
import { ErrorPanel } from '../components/error-panel.tsx';
import { asAppError } from '../queries.ts';

/** A screen that failed to render or to load. The rest of the app goes on. */
export function RouteError({ error, reset }: { readonly error: unknown; readonly reset: () => void }) {
  const { t } = useTranslation();
  return (
    <div style={{ flex: 1, padding: '2rem', maxWidth: '44rem', margin: '0 auto' }}>
      <ErrorPanel error={asAppError(error)} action={{ label: t('common.retry'), run: reset }} />
    </div>
  );
}
