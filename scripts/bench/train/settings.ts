/** What both trainers are told, as a file: the same model, the same beginning, the same rows. */
export interface TrainSettings {
  /** A GGUF file for Lathe, a folder for PEFT. */
  readonly model: string;
  /** A PEFT folder whose lora_A the training begins with; every lora_B begins as zeros. */
  readonly adapter: string;
  /** Tokens, equally many in each: one step goes over all rows. */
  readonly rows: readonly (readonly number[])[];
  readonly rank: number;
  readonly alpha: number;
  readonly learningRate: number;
  readonly steps: number;
  readonly threads: number;
  readonly checkpointing: boolean;
  /** `CPU`, or a GPU by the name that the library gives it. */
  readonly device: string;
}

/** What either says of its run. */
export interface TrainRun {
  /** Mean over the trained tokens of each step, in nats. */
  readonly losses: readonly number[];
  /** Of each step. */
  readonly seconds: readonly number[];
  readonly peakBytes: number;
}
