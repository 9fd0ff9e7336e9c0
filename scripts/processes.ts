import { readdir, readFile } from 'node:fs/promises';

/** What a process and all that it started hold. */
export interface Held {
  readonly processes: number;
  readonly residentBytes: number;
  /** Open files, sockets and pipes. */
  readonly handles: number;
  readonly threads: number;
}

const numberOf = (status: string, field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);

/** From Linux' `/proc`; a process that ends meanwhile counts as none. */
export async function heldBy(pid: number): Promise<Held> {
  const one = async (id: number): Promise<Held[]> => {
    try {
      const status = await readFile(`/proc/${id}/status`, 'utf8');
      const handles = (await readdir(`/proc/${id}/fd`)).length;
      const children = (await readFile(`/proc/${id}/task/${id}/children`, 'utf8')).split(' ').filter(Boolean).map(Number);
      const own = { processes: 1, residentBytes: numberOf(status, 'VmRSS') * 1024, handles, threads: numberOf(status, 'Threads') };
      return [own, ...(await Promise.all(children.map(one))).flat()];
    } catch {
      return [];
    }
  };
  const all = await one(pid);
  const sum = (pick: (held: Held) => number): number => all.reduce((total, held) => total + pick(held), 0);
  return {
    processes: all.length,
    residentBytes: sum(({ residentBytes }) => residentBytes),
    handles: sum(({ handles }) => handles),
    threads: sum(({ threads }) => threads),
  };
}
