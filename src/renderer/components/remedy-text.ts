import { useTranslation } from 'react-i18next';
import type { Remedy } from '#core/memory/fit.ts';
import { useFormat } from '../format.ts';

/** What would make a model fit, as a button says it. */
export function useRemedyText(): (remedy: Remedy, gpuLayers: number) => string {
  const { t } = useTranslation();
  const format = useFormat();
  return (remedy, gpuLayers) => {
    switch (remedy.kind) {
      case 'context':
        return t('estimate.fix.context', { tokens: format.number(remedy.contextLength) });
      case 'layers':
        return t(remedy.gpuLayers < gpuLayers ? 'estimate.fix.layersFewer' : 'estimate.fix.layersMore', {
          count: remedy.moved,
        });
      case 'cacheType':
        return t('estimate.fix.cacheType', { type: remedy.cacheType });
      case 'flashAttention':
        return t('estimate.fix.flashAttention');
      case 'sequences':
        return t('estimate.fix.sequences', { count: remedy.sequences });
    }
  };
}
