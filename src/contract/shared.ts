import { z } from 'zod';

/** The schemas that several groups of the contract use. */

export const none = z.object({}).strict();
export const id = z.string().min(1).max(64);
export const timeMs = z.number().int().min(0);
export const sizeBytes = z.number().int().min(0);
export const count = z.number().int().min(0);
export const fraction = z.number().min(0).max(1);
/** A path as the user or the system writes it. Longer than any system allows would only be an attack. */
export const path = z
  .string()
  .min(1)
  .max(32_767)
  .refine((value) => !value.includes('\0'), 'a path cannot hold a NUL');
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
