import { join } from 'node:path';
import type { z } from 'zod';
import type { Job, jobSpec } from '#contract/jobs.ts';
import type { AppClient } from '#contract/index.ts';
import { writeHfFolder } from '#engine/demo.ts';
import { tinyModel } from '../../fixtures.ts';
import { all, openTest, temporaryFolder } from './open.ts';

/** A spec as it is sent: what has a default may be left away. */
export type SentSpec = z.input<typeof jobSpec>;

/** Start a job and stay until it has ended. */
export async function runJob(client: AppClient, spec: SentSpec): Promise<Job> {
  const { id: jobId } = await client.jobs.start({ spec });
  return endOf(client, jobId);
}

/** Stay until a job has ended. */
export async function endOf(client: AppClient, jobId: string): Promise<Job> {
  const last = (await all(client.jobs.watch({ jobId }))).at(-1);
  if (last === undefined) throw new Error('The stream had no event.');
  return last;
}

/** The result of a job that ended well. */
export function resultOf<K extends SentSpec['kind']>({ state, error, result }: Job, kind: K): Extract<Job['result'], { readonly kind: K }> {
  if (result?.kind !== kind) throw new Error(`No result of ${kind}: ${state} ${JSON.stringify(error)}`);
  return result as Extract<Job['result'], { readonly kind: K }>;
}

/** The services with one Hugging Face model in the library, called `tiny`. */
export async function withModel(options: Parameters<typeof openTest>[0] = {}) {
  const opened = await openTest(options);
  const folder = temporaryFolder();
  await writeHfFolder(tinyModel(), join(folder, 'tiny'));
  const { id: modelId } = await opened.client.library.find({ reference: join(folder, 'tiny') });
  return { ...opened, folder, modelId };
}
