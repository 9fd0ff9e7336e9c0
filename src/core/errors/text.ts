/**
 * The words of one error, in English. The Chinese ones stand in the renderer's translations under the same code.
 * `{name}` is a parameter. A name ending in `Bytes` is shown as a binary size, one ending in `Ms` as a duration.
 */
export interface ErrorText {
  /** What happened. */
  readonly what: string;
  /** What is safe: what was not changed or lost. */
  readonly safe: string;
  /** What the user can do now. */
  readonly next: string;
}

export type ErrorParam = string | number;
export type ErrorParams = Readonly<Record<string, ErrorParam>>;

/** The names between braces of a text, as a union of string literals. */
type Placeholders<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholders<Rest> : never;

/** The parameters that an error's words ask for. */
export type ParamsOf<T extends ErrorText> = { readonly [K in Placeholders<T['what'] | T['safe'] | T['next']>]: ErrorParam };
