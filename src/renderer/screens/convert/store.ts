import { create } from 'zustand';
import { persist } from 'zustand/middleware';
import { quantizeOptions, type QuantizeOptions } from '#contract/quantize.ts';

/** Options that only mean something for the model they were chosen for. */
type OwnOptions = Pick<QuantizeOptions, 'overrides' | 'imatrixPath'>;
const NO_OWN: OwnOptions = { overrides: [], imatrixPath: null };

interface ConvertSettings {
  readonly options: QuantizeOptions;
  readonly own: OwnOptions & { readonly modelId: string };
  /** GPTQ goes to a folder, and bit for bit to GGUF; floats go to both. Null: each target's own first. */
  readonly gptqFormat: 'hf' | 'gguf';
  readonly floatFormat: 'hf' | 'gguf';
  readonly measures: boolean;
  /** Null: the text that comes with Lathe. */
  readonly qualityTextPath: string | null;
  readonly wholeText: boolean;
  /** Null: the folder of the settings. */
  readonly folder: string | null;
  readonly showsAll: boolean;
  readonly showsAdvanced: boolean;
}

/** How results are to be made: kept over a reload and for the next model. */
export const useConvertSettings = create<ConvertSettings>()(
  persist(
    (): ConvertSettings => ({
      options: quantizeOptions.parse({}),
      own: { modelId: '', ...NO_OWN },
      gptqFormat: 'hf',
      floatFormat: 'gguf',
      measures: true,
      qualityTextPath: null,
      wholeText: false,
      folder: null,
      showsAll: false,
      showsAdvanced: false,
    }),
    {
      name: 'lathe.convert',
      version: 1,
      // What an older version saved may lack what this one knows, and the program refuses what is no valid option.
      merge: (saved, initial) => {
        const restored = { ...initial, ...(saved as Partial<ConvertSettings> | undefined) };
        const options = quantizeOptions.safeParse(restored.options);
        return { ...restored, options: options.success ? options.data : initial.options };
      },
    },
  ),
);

export const set = (change: Partial<ConvertSettings>): void => void useConvertSettings.setState(change);

/** Change options, those of one model or those of all. */
export function setOptions(modelId: string, change: Partial<QuantizeOptions>): void {
  void useConvertSettings.setState(({ options, own }) => {
    const before = own.modelId === modelId ? own : { modelId, ...NO_OWN };
    const { overrides, imatrixPath, ...shared } = change;
    return {
      options: { ...options, ...shared },
      own: {
        modelId,
        overrides: overrides ?? before.overrides,
        imatrixPath: imatrixPath === undefined ? before.imatrixPath : imatrixPath,
      },
    };
  });
}

/** The options as they hold for a model. */
export function optionsFor({ options, own }: Pick<ConvertSettings, 'options' | 'own'>, modelId: string): QuantizeOptions {
  const { overrides, imatrixPath } = own.modelId === modelId ? own : NO_OWN;
  return { ...options, overrides, imatrixPath };
}
