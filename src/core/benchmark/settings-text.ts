import type { SpeedSettings } from './sweep.ts';

/** What is not said of settings: llama-bench's own values. */
const usual: Partial<SpeedSettings> = {
  context: 0,
  batch: 2048,
  ubatch: 512,
  keyType: 'F16',
  valueType: 'F16',
  flashAttention: 'auto',
  threads: 0,
  gpuLayers: 0,
};

/** Settings in llama-bench's short words: `pp512 tg128 d2048 t4`. */
export function settingsText(settings: SpeedSettings): string {
  const short: readonly (readonly [keyof SpeedSettings, string])[] = [
    ['context', `d${settings.context}`],
    ['batch', `b${settings.batch}`],
    ['ubatch', `ub${settings.ubatch}`],
    ['keyType', `ctk ${settings.keyType}`],
    ['valueType', `ctv ${settings.valueType}`],
    ['flashAttention', `fa ${settings.flashAttention}`],
    ['threads', `t${settings.threads}`],
    ['gpuLayers', `ngl${settings.gpuLayers}`],
  ];
  return [
    `pp${settings.promptTokens}`,
    `tg${settings.newTokens}`,
    ...short.filter(([name]) => settings[name] !== usual[name]).map(([, text]) => text),
  ].join(' ');
}
