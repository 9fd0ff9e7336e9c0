import { useComputedColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import classes from './markdown.module.css';

/** Of Mermaid's own words for what it could not read, which quote all that it had expected. */
const MAX_PROBLEM_LINES = 4;

/** A diagram drawn from its code; Mermaid is fetched, from the program itself, for the first one. */
export function DiagramView({ code }: { readonly code: string }) {
  const { t } = useTranslation();
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const { data, error } = useQuery({
    queryKey: ['diagram', scheme, code],
    queryFn: async () => (await import('./diagram.ts')).drawDiagram(code, scheme === 'dark'),
  });
  if (error !== null)
    return (
      <div className={classes.diagramProblem} role="alert">
        {t('markdown.badDiagram')}
        <pre tabIndex={0} aria-label={t('markdown.diagramProblem')}>
          {error.message.split('\n').slice(0, MAX_PROBLEM_LINES).join('\n')}
        </pre>
      </div>
    );
  if (data === undefined) return <div className={classes.diagramWaits}>{t('markdown.drawing')}</div>;
  return (
    // Wider than the column, it scrolls by itself.
    <div className={classes.diagram} tabIndex={0} role="group" aria-label={t('markdown.diagram')}>
      <img src={data.address} width={data.width} height={data.height} alt={t('markdown.diagramAlt')} />
    </div>
  );
}
