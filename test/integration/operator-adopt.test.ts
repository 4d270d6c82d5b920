import { expect, test } from 'vitest';
import { lastingConditions } from '../../src/report/conditions.ts';
import { restored } from '../support/monitored-group.ts';
import { throughout, untilCondition, untilServed } from '../support/operator-views.ts';
import { openScene, READ_ONLY, READ_WRITE } from '../support/scene.ts';
import { monitoredGroup } from '../support/staged-group.ts';

const group = monitoredGroup({ name: 'adopt', members: ['a', 'b', 'c'] });

test('leads writes to the one writer and reads to the standbys, at epoch 1', async () => {
  const { primary, standbys } = await restored(group);
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(
    primary.name,
    standbys.map(({ name }) => name),
  );
  const entry = await scene.untilEpoch(1);
  expect(entry).toMatchObject({ epoch: 1, kind: 'Adopt', to: primary.name, outcome: 'Completed' });
  // Ready does not wait for readers, and tells of them after the slices do.
  const message = `writes lead to ${primary.name}, reads to ${standbys.map(({ name }) => name).join(' and ')} (epoch 1)`;
  await untilCondition(scene.stage, 'Ready', { status: 'True', reason: 'Ready', message });
  expect(scene.routes.entries.at(-1)?.epoch).toBe(1);
  await untilServed(scene.stage, READ_WRITE, primary.address);
});

test('leads both Services to a single member without a replica, and nothing is wrong', async () => {
  const { primary } = await restored(group);
  await using scene = await openScene({ members: [primary] });
  await scene.stage.start();
  await scene.untilRouted(primary.name, [primary.name]);
  await scene.untilCondition('Ready', 'True', 'Ready');
  const conditions = scene.statuses.entries.at(-1)?.conditions ?? [];
  expect(conditions.map(({ type, status }) => `${type}=${status}`)).toEqual(
    lastingConditions.map((type) => `${type}=True`),
  );
  await untilServed(scene.stage, READ_WRITE, primary.address);
  await untilServed(scene.stage, READ_ONLY, primary.address);
});

test('with all members down says NoPrimary, and recovers without a restart when they are there', async () => {
  const { primary, standbys } = await restored(group);
  await Promise.all(group.members.map((member) => member.kill()));
  await using scene = await openScene(group);
  await scene.stage.start();
  expect(await scene.untilDecision('NoPrimary')).toContain('no member answers');
  const ready = await scene.untilCondition('Ready', 'False', 'NoPrimary');
  expect(ready.message).toContain('status.members[].reason says what was seen of each');
  expect(scene.routes.entries.every(({ readWrite, readOnly }) => readWrite.length + readOnly.length === 0)).toBe(true);

  await Promise.all(group.members.map((member) => member.start()));
  await scene.untilRouted(
    primary.name,
    standbys.map(({ name }) => name),
  );
  await scene.untilCondition('Ready', 'True', 'Ready');
  expect(scene.statuses.entries.at(-1)).toMatchObject({ epoch: 1 });
});

test('with standbys alone leads reads to them and writes to nobody', async () => {
  const { standbys } = await restored(group);
  await using scene = await openScene({ members: standbys });
  await scene.stage.start();
  await scene.untilRouted(
    null,
    standbys.map(({ name }) => name),
  );
  expect(await scene.untilDecision('NoPrimary')).toBe('no member accepts writes and none was ever seen to');
  await scene.untilCondition('PrimaryHealthy', 'False', 'NoPrimary');
  expect(scene.statuses.entries.at(-1)?.primary).toBeUndefined();
});

test('with two writers and no record leads to nobody, until ForceRoute names the right one', async () => {
  const { primary, standbys } = await restored(group);
  const [rival, third] = standbys;
  if (rival === undefined || third === undefined) throw new Error('the group has three members');
  await rival.promote();
  await using scene = await openScene(group);
  await scene.stage.start();
  const { message } = await scene.untilCondition('SplitBrain', 'True', 'SplitBrain');
  expect(message).toContain('ForceRoute');
  expect(await scene.untilDecision('SplitBrain')).toContain('nothing on record says which is the primary');
  await throughout(600, async () => expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [], readOnly: [] }));

  const finished = await (await scene.request({ kind: 'ForceRoute', to: primary.name })).finished();
  expect(finished).toMatchObject({ reason: 'Completed', epoch: 1 });
  await scene.untilRouted(primary.name, [third.name]);
  await scene.until('the rival is quarantined', ({ members = [], splitBrain }) => {
    return (
      splitBrain === undefined &&
      members.some(({ name, quarantinedAtEpoch }) => name === rival.name && quarantinedAtEpoch === 1)
    );
  });
});

test('with its record lost adopts what is published, and keeps a writer beside it out', async () => {
  const { primary, standbys } = await restored(group);
  const [next] = standbys;
  if (next === undefined) throw new Error('the group has three members');
  await using scene = await openScene(group);
  const first = await scene.stage.start();
  await scene.untilRouted(primary.name);
  await primary.kill();
  await next.promote();
  await scene.untilEpoch(2);
  await first.stop();
  // Writable again, and nobody watched: only what is published tells which of the two is the primary.
  await primary.start();
  await scene.stage.remove('DatabaseFailover', 'orders');
  await scene.stage.apply(scene.resource);
  const before = scene.routes.entries.length;

  await scene.stage.start();
  expect(await scene.untilEpoch(3)).toMatchObject({ kind: 'Adopt', to: next.name, outcome: 'Completed' });
  const status = await scene.until('the old primary is quarantined', ({ members = [] }) =>
    members.some(({ name, quarantinedAtEpoch }) => name === primary.name && quarantinedAtEpoch === 3),
  );
  expect(status).toMatchObject({ epoch: 3, primary: next.name });
  expect(status.splitBrain).toBeUndefined();
  await throughout(800, async () => expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [next.name] }));
  expect(scene.routes.entries.slice(before).filter(({ readWrite }) => readWrite.includes(primary.name))).toEqual([]);
});

test('with its status wiped while nobody runs, adopts at a higher epoch than what is published', async () => {
  const { primary } = await restored(group);
  await using scene = await openScene(group);
  const first = await scene.stage.start();
  await scene.untilRouted(primary.name);
  await scene.untilEpoch(1);
  await first.stop();
  await scene.stage.patch(scene.resource, { status: null }, '/status');
  await scene.stage.start();
  expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Adopt', to: primary.name });
  await scene.routes.until('the routes carry the new epoch', ({ epoch }) => epoch === 2, 10_000);
});
