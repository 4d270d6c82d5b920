import { expect, test } from 'vitest';
import { runStory } from './follow-story.ts';

/** `SIMULATION_SEEDS` and `SIMULATION_SEED` choose how many, and from which on. */
const FIRST = Number(process.env.SIMULATION_SEED ?? '1');
const COUNT = Number(process.env.SIMULATION_SEEDS ?? '40');

test.each(Array.from({ length: COUNT }, (_, index) => FIRST + index))(
  'nothing breaks and all comes to rest in the random life of seed %i',
  async (seed) => {
    const { broken, trace } = await runStory(seed);
    expect(broken, trace.join('\n')).toEqual([]);
  },
  30_000,
);
