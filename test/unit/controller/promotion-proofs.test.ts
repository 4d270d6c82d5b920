/** What FailoverReady says over the life of an operator: it must not swing while nothing about the group has changed. */
import { expect, test } from 'vitest';
import { createWorld, type World } from '../../support/fake-world.ts';
import { adopted, followed } from '../../support/world-acts.ts';

/** Nobody's history may be read, and `b` streams from this address. */
function plainWorld(sender: string): World {
  const world = createWorld();
  for (const name of ['a', 'b', 'c']) {
    const server = world.server(name);
    server.facts = { ...server.facts, rights: { monitor: true, replication: false }, history: null };
  }
  const { facts } = world.server('b');
  if (facts.receiver === null) throw new Error('b is no standby');
  world.server('b').facts = { ...facts, receiver: { ...facts.receiver, senderHost: sender } };
  return world;
}

/** Lets 15 s pass and returns every word of FailoverReady meanwhile, one after the other. */
async function wordsOf(world: World): Promise<readonly string[]> {
  const words: string[] = [];
  for (let passedMs = 0; passedMs < 15_000; passedMs += 20) {
    await world.run(20);
    const now = world.condition('FailoverReady');
    const word = now === undefined ? '' : `${now.status}/${now.reason}`;
    if (word !== '' && word !== words.at(-1)) words.push(word);
  }
  return words;
}

test.each([
  ['could not be proven', '198.51.100.9', 'False/PromotionUnprovable'],
  ['could be proven by the stream', '192.0.2.1', 'True/FollowsOthers'],
])('a new process goes on saying that a promotion %s', async (_, sender, word) => {
  const world = plainWorld(sender);
  const first = world.start();
  await adopted(world);
  expect((await wordsOf(world)).at(-1)).toBe(word);
  first.crash();
  world.start();
  expect(await wordsOf(world)).toEqual([word]);
});

test('a member that a new process cannot hear does not keep an old word about another for ever', async () => {
  const world = plainWorld('198.51.100.9');
  const { facts } = world.server('c');
  world.server('c').facts = { ...facts, rights: { monitor: true, replication: true }, history: [] };
  const first = world.start();
  await adopted(world);
  expect((await wordsOf(world)).at(-1)).toBe('False/PromotionUnprovable');
  first.crash();
  world.server('c').rejects = '28P01';
  world.server('b').facts = { ...world.server('b').facts, rights: { monitor: true, replication: true }, history: [] };
  world.start();
  expect(await wordsOf(world)).toEqual(['False/PromotionUnprovable', 'True/FollowsOthers']);
  expect(world.condition('FailoverReady')?.message).toContain('a promotion of c could be proven is not known');
});

test('a standby that restarts does not make it swing', async () => {
  const world = plainWorld('192.0.2.1');
  world.start();
  await adopted(world);
  await world.run(1000);
  const { receiver } = world.server('b').facts;
  world.server('b').restart();
  world.server('b').facts = { ...world.server('b').facts, receiver: null };
  const words = wordsOf(world);
  await world.clock.sleep(5000, new AbortController().signal);
  world.server('b').facts = { ...world.server('b').facts, receiver };
  expect(await words).toEqual(['True/FollowsOthers']);
});

test('after a promotion it names the standby that has not followed', async () => {
  const world = plainWorld('192.0.2.1');
  world.start();
  await adopted(world);
  await followed(world);
  expect((await wordsOf(world)).at(-1)).toBe('False/PromotionUnprovable');
  expect(world.condition('FailoverReady')?.message).toContain('c: the monitor role lacks REPLICATION there');
  world.server('c').follow(world.server('b'));
  await world.until('ready', () => world.condition('FailoverReady')?.status === 'True');
});
