/** An epoch is for a route that moves: nothing that happens between us and the API server may use one up. */
import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeError, type KubeObject } from '../../../src/ports/kube.ts';
import { seededRandom } from '../../simulation/seeded-random.ts';
import type { KubeCall } from '../../support/fake-kube.ts';
import { createWorld, ORDERS, type Replica, type World } from '../../support/fake-world.ts';
import { adopted, failOver } from '../../support/world-acts.ts';

const unavailable = () => new KubeError('Unavailable', 'no answer');

test('a leader that could not read what is published decides nothing before it has', async () => {
  const world = createWorld();
  const first = world.start();
  await adopted(world);
  first.crash();
  failOver(world);
  world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status: undefined });
  const second = world.start();
  let failures = 0;
  second.kube.fault = ({ verb, plural }) => {
    if (verb !== 'list' || plural !== 'endpointslices' || failures === 1) return null;
    failures += 1;
    return unavailable();
  };
  await world.until('judged', () => world.status().decision !== undefined && failures === 1);
  await world.run(10_000);
  expect(world.status().decision).toMatchObject({ rule: 204, reason: 'RecordLost' });
  expect(world.published()).toMatchObject({ readWrite: ['a'], epoch: 1 });
});

test('a publication that fails after the route has moved does not make the record forget where to', async () => {
  const world = createWorld();
  const replica = world.start();
  await adopted(world);
  let isBroken = true;
  replica.kube.fault = ({ verb, plural, sent }) => {
    if (!isBroken || verb !== 'apply' || plural !== 'endpointslices') return null;
    // From then on the route leads there, and only a look at what is published tells so.
    if (world.published().primary === 'b') return unavailable();
    if (!JSON.stringify(sent).includes('"b"')) return null;
    world.server('b').cut();
    return 'LoseAnswer';
  };
  failOver(world);
  await world.until('ended', () => world.status().history?.[0]?.epoch === 2 && world.status().attempt === undefined);
  await world.run(5000);
  expect(world.status()).toMatchObject({ primary: 'b', epoch: 2 });
  isBroken = false;
  world.server('b').heal();
  await world.run(20_000);
  expect(world.status()).toMatchObject({ primary: 'b', epoch: 2 });
});

/** `EPOCH_SEEDS` chooses how many. The first hold some that found a fault. */
const SEEDS = Array.from({ length: Number(process.env.EPOCH_SEEDS ?? '15') }, (_, index) => index + 10);

/** A random life in which nothing happens to the group, but a look that goes unanswered now and then. */
async function live(seed: number): Promise<World> {
  const random = seededRandom(seed);
  const world = createWorld();
  const trouble = { isOver: false };
  const start = (leading: boolean): Replica => {
    const replica = world.start({ leading });
    replica.kube.fault = (call) => {
      if (trouble.isOver || !random.chance(0.25)) return null;
      if (random.chance(0.3)) landLate(world, call, random.between(0, 3000));
      return random.chance(0.5) ? 'LoseAnswer' : unavailable();
    };
    return replica;
  };
  let replicas: readonly Replica[] = [start(true), start(false)];
  for (let step = 0; step < 60; step += 1) {
    replicas = await disturbed(world, replicas, random, () => start(false));
    await world.run(Math.floor(random.next() ** 3 * 3000));
  }
  trouble.isOver = true;
  world.cluster.releaseWatches();
  lead(replicas, replicas[0]);
  await world.until('adopted', () => world.status().history?.length === 1, 60_000);
  await world.run(5000);
  return world;
}

test.each(SEEDS)(
  'with a healthy group it stays 1, whoever leads and whatever call fails (seed %i)',
  async (seed) => {
    const world = await live(seed);
    expect(world.status()).toMatchObject({ epoch: 1, primary: 'a', history: [{ epoch: 1, outcome: 'Completed' }] });
  },
  30_000,
);

/** A write that was given up arrives all the same, unless what it builds on has changed. */
function landLate(world: World, { verb, plural, subresource, sent }: KubeCall, afterMs: number): void {
  const resource = [RESOURCES.databaseFailover, RESOURCES.endpointSlice].find((one) => one.plural === plural);
  if (verb !== 'apply' || resource === undefined || sent === null || !isObject(sent)) return;
  world.clock.after(afterMs, () => {
    try {
      world.cluster.apply(resource, sent, subresource);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
    }
  });
}

const isObject = (sent: object): sent is KubeObject => 'metadata' in sent && 'kind' in sent;

function lead(replicas: readonly Replica[], next: Replica | undefined): void {
  for (const { leadership } of replicas) if (leadership.isLeader()) leadership.lose();
  next?.leadership.win();
}

/** One thing that may go wrong, or nothing. */
async function disturbed(
  world: World,
  replicas: readonly Replica[],
  random: ReturnType<typeof seededRandom>,
  start: () => Replica,
): Promise<readonly Replica[]> {
  const one = random.pick(replicas);
  switch (random.between(1, 10)) {
    case 1:
    case 2:
      lead(replicas, one);
      return replicas;
    case 3:
      lead(replicas, undefined);
      return replicas;
    case 4: {
      one.crash();
      const left = replicas.filter((replica) => replica !== one);
      lead(left, left[0]);
      return [...left, start()];
    }
    case 5:
      world.cluster.holdWatches();
      return replicas;
    case 6:
      world.cluster.releaseWatches();
      return replicas;
    case 7:
      // Too short to count as dead: three looks of 3 s would.
      world.server('a').cut();
      await world.run(random.between(0, 3000));
      world.server('a').heal();
      return replicas;
    default:
      return replicas;
  }
}
