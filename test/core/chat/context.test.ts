import { describe, expect, it } from 'vitest';
import { contextCuts, mildestFit, promptRoom, type ContextPolicy } from '#core/chat/context.ts';

const roles = ['user', 'assistant', 'user', 'assistant', 'user'];
const lengths = [100, 200, 50, 60, 10];

const fit = async (policy: ContextPolicy, room: number, system = 40) => {
  let asked = 0;
  const found = await mildestFit(contextCuts({ policy, roles, hasSystem: system > 0 }), room, async ({ droppedTurns, droppedSystem }) => {
    asked += 1;
    const tokens = lengths.slice(droppedTurns).reduce((sum, length) => sum + length, droppedSystem ? 0 : system);
    return { tokens, prompt: tokens };
  });
  return { asked, ...found };
};

describe('a conversation that fits', () => {
  it.each(['stop', 'rolling', 'keepSystem'] as const)('is left whole by "%s", and measured once', async (policy) => {
    expect(await fit(policy, 460)).toEqual({ asked: 1, cut: { droppedTurns: 0, droppedSystem: false }, prompt: 460 });
  });
});

describe('one that has outgrown the context', () => {
  it('is refused by "stop"', async () => {
    expect((await fit('stop', 459)).cut).toBeUndefined();
  });

  it('loses its oldest turns, and no more than it has to, beginning again with a question', async () => {
    expect(await fit('keepSystem', 459)).toMatchObject({ cut: { droppedTurns: 2, droppedSystem: false }, prompt: 160 });
    expect(await fit('keepSystem', 159)).toMatchObject({ cut: { droppedTurns: 4, droppedSystem: false }, prompt: 50 });
  });

  it('keeps the system prompt with "keepSystem", and lets it go first with "rolling"', async () => {
    expect(await fit('rolling', 459)).toMatchObject({ cut: { droppedTurns: 0, droppedSystem: true }, prompt: 420 });
    expect(await fit('rolling', 15)).toMatchObject({ cut: { droppedTurns: 4, droppedSystem: true }, prompt: 10 });
    expect((await fit('keepSystem', 15)).cut).toBeUndefined();
  });

  it('never loses the last question', async () => {
    expect((await fit('rolling', 9)).cut).toBeUndefined();
    const cuts = contextCuts({ policy: 'rolling', roles: ['user'], hasSystem: false });
    expect(cuts).toEqual([{ droppedTurns: 0, droppedSystem: false }]);
  });
});

describe('the room of a prompt', () => {
  it('is the context but the last place; a window leaves a quarter for the answer, or less where it may not be that long', () => {
    expect(promptRoom('stop', 1024, 500)).toBe(1023);
    expect(promptRoom('rolling', 1024, 500)).toBe(1023 - 256);
    expect(promptRoom('keepSystem', 1024, 10)).toBe(1013);
  });
});
