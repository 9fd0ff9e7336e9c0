import { connect } from '#contract/connect.ts';
import { trainerContract } from '#contract/engine.ts';
import { memoryPorts } from '#contract/memory-port.ts';
import { serve } from '#contract/serve.ts';
import { createEngineLog } from '#engine/log.ts';
import { createTrainer } from '#engine/trainer/index.ts';

/** The trainer engine behind its contract, in this process. */
export function openTrainer(availableBytes?: () => number) {
  const [ours, theirs] = memoryPorts();
  const health = { ping: () => ({ residentBytes: 1 }), log: async function* () {} };
  serve(trainerContract, { health, trainer: createTrainer(createEngineLog(), availableBytes) }, theirs);
  return connect(trainerContract, ours).client.trainer;
}
