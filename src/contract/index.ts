import { adapters } from './adapters.ts';
import { benchmark } from './benchmark.ts';
import { chat } from './chat.ts';
import type { Client, Contract, Handlers } from './define.ts';
import { jobs } from './jobs.ts';
import { library } from './library.ts';
import { memory } from './memory.ts';
import { quantize } from './quantize.ts';
import { remote } from './remote.ts';
import { server } from './server.ts';
import { system } from './system.ts';
import { training } from './training.ts';

/**
 * Everything that a window, a browser tab, the command line or a test can ask of Lathe. Names, types, validation and
 * the clients are derived from it.
 */
export const contract = { library, chat, quantize, adapters, training, benchmark, memory, jobs, remote, server, system } satisfies Contract;

export type AppContract = typeof contract;
export type AppHandlers = Handlers<AppContract>;
export type AppClient = Client<AppContract>;
