import { expect, test } from 'vitest';
import { createWorld } from '../../support/fake-world.ts';

test('adopts the one writer, follows a promotion, and keeps the old primary out when it returns', async () => {
  const world = createWorld();
  world.start();
  await world.until('adopted', () => world.status().history?.length === 1);
  expect(world.published()).toEqual({ readWrite: ['a'], readOnly: ['b', 'c'], epoch: 1, primary: 'a' });

  world.server('a').kill();
  world.server('b').promote();
  await world.until('followed', () => world.published().primary === 'b' && world.status().attempt === undefined);
  world.server('c').follow(world.server('b'));
  world.server('a').heal();
  await world.run(5000);
  expect(world.published()).toEqual({ readWrite: ['b'], readOnly: ['c'], epoch: 2, primary: 'b' });
  expect(world.history().every(({ readWrite }) => readWrite.length <= 1)).toBe(true);
  expect(world.status().members?.find(({ name }) => name === 'a')?.quarantinedAtEpoch).toBe(2);
});
