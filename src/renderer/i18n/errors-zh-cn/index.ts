import type { ErrorCode, ErrorText } from '#core/errors/index.ts';
import { adapters } from './adapters.ts';
import { benchmark } from './benchmark.ts';
import { certificates } from './certificates.ts';
import { formats } from './formats.ts';
import { models } from './models.ts';
import { program } from './program.ts';
import { remote } from './remote.ts';
import { training } from './training.ts';
import { update } from './update.ts';

/** 所有错误的中文文本。缺少或多出任何一个代码都无法通过编译。 */
export const zhErrors = {
  ...adapters,
  ...benchmark,
  ...certificates,
  ...formats,
  ...models,
  ...program,
  ...remote,
  ...training,
  ...update,
} as const satisfies Record<ErrorCode, ErrorText>;
