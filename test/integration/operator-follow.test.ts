import { describe, expect, test } from 'vitest';
import { restored, untilCaughtUp } from '../support/monitored-group.ts';
import { untilCondition, untilEvents } from '../support/operator-views.ts';
import { openScene } from '../support/scene.ts';
import { memberOf, serversAfter } from '../support/scene-questions.ts';
import { monitoredGroup } from '../support/staged-group.ts';

const group = monitoredGroup({ name: 'follow', members: 3 });

test('follows a promotion after the primary was killed, and keeps the old primary out until it is a standby', async () => {
  const { primary, standbys } = await restored(group);
  const [next, other] = standbys;
  if (next === undefined || other === undefined) throw new Error('the group has three members');
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name, [next.name, other.name]);
  const writer = await scene.startWriter();
  await writer.nextAfter(0, 10_000);

  await primary.kill();
  expect(await scene.untilDecision('PrimaryDown')).toContain(`${primary.name} is dead`);
  await next.promote();
  const promotedMs = performance.now();
  const first = await writer.nextAfter(promotedMs, 10_000);
  expect(memberOf(group, first.server)).toBe(next.name);
  const entry = await scene.untilEpoch(2);
  expect(entry).toMatchObject({ kind: 'Follow', from: primary.name, to: next.name, outcome: 'Completed' });
  expect(Object.keys(entry.steps)).toEqual(['Detection', 'Draining', 'LastLook', 'Routing']);
  expect(entry.reason).toContain(`${next.name} was promoted and ${primary.name} is gone`);
  const outageMs = Math.round(first.atMs - promotedMs);
  process.stdout.write(`follow: ${outageMs} ms from promotion to write; steps ${JSON.stringify(entry.steps)}\n`);
  expect(outageMs).toBeLessThan(5_000);

  // The conditions are reported after the record; before it the new primary may have been called unhealthy.
  await untilCondition(scene.stage, 'ReplicasHealthy', {
    status: 'False',
    reason: 'ReplicaUnhealthy',
    message: expect.stringContaining(`${primary.name} was deposed at epoch 2 and is kept out`),
  });
  await primary.start();
  await scene.until('the old primary is seen writable', ({ members = [] }) =>
    members.some(({ name, role, verdict }) => name === primary.name && role === 'Primary' && verdict === 'Up'),
  );
  const written = writer.acknowledged.length;
  await writer.nextAfter(performance.now() + 500, 10_000);
  expect(writer.acknowledged.length).toBeGreaterThan(written);
  expect(serversAfter(group, writer, first.atMs)).toEqual([next.name]);

  await other.rejoin(next);
  await primary.rejoin(next);
  await scene.until('the quarantine has ended', ({ members = [] }) =>
    members.every(({ quarantinedAtEpoch }) => quarantinedAtEpoch === undefined),
  );
  await scene.untilRouted(next.name, [primary.name, other.name]);
  await scene.untilCondition('Ready', 'True', 'Ready');
  await untilEvents(scene.stage, 'PrimaryDown', 'FollowStarted', 'RouteChanged', 'Quarantined', 'QuarantineEnded');

  const moved = scene.routes.entries.findIndex(({ readWrite }) => readWrite.includes(next.name));
  expect(scene.routes.entries.filter(({ readWrite }) => readWrite.length > 1)).toEqual([]);
  expect(scene.routes.entries.slice(moved).filter(({ readWrite }) => readWrite.includes(primary.name))).toEqual([]);
  expect(scene.statuses.entries.at(-1)?.history).toHaveLength(2);
});

describe.each(['Manual', 'Automatic'])('in mode %s', (mode) => {
  test('says that it does not promote, and follows the promotion by another', async () => {
    const { primary, standbys } = await restored(group);
    const [next] = standbys;
    await using scene = await openScene(group, { 'spec.mode': mode, 'spec.failover': { whenUnfenced: 'Refuse' } });
    await scene.stage.start();
    await scene.untilRouted(primary.name);
    const readiness = await scene.untilCondition('FailoverReady', 'False', 'PromotionNotAvailable');
    expect(readiness.message).toContain('promote a standby yourself and the routes follow');
    await primary.kill();
    expect(await scene.untilDecision('PrimaryDown')).toContain('promoting is not available in this version');
    await next?.promote();
    expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Follow', from: primary.name, to: next?.name });
    await scene.untilRouted(next?.name ?? null);
  });
});

test('follows an orderly switchover by others, and reads from the old primary again', async () => {
  const { primary, standbys } = await restored(group);
  const [next] = standbys;
  if (next === undefined) throw new Error('the group has three members');
  await using scene = await openScene(group, { 'spec.detection.shutdownGrace': '30s' });
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  await untilCaughtUp(primary);

  await primary.stop('fast');
  await next.promote();
  const promotedMs = performance.now();
  await primary.becomeStandbyOf(next);
  await primary.start();
  const moved = await scene.untilRouted(next.name);
  expect(moved.atMs - promotedMs).toBeLessThan(5_000);
  expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Follow', to: next.name, outcome: 'Completed' });
  await scene.until('nobody is quarantined', ({ members = [] }) =>
    members.every(({ quarantinedAtEpoch }) => quarantinedAtEpoch === undefined),
  );
  const { readOnly } = await scene.routes.until(
    'it is read',
    ({ readOnly }) => readOnly.includes(primary.name),
    15_000,
  );
  expect(readOnly).not.toContain(next.name);
});
