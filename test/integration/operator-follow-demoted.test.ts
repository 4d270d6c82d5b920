import { expect, test } from 'vitest';
import type { PostgresMember } from '../../hack/world/postgres-member.ts';
import { restored } from '../support/monitored-group.ts';
import { openScene } from '../support/scene.ts';
import { serversAfter } from '../support/scene-questions.ts';
import { monitoredGroup } from '../support/staged-group.ts';

const group = monitoredGroup({ name: 'demoted', members: ['a', 'b'] });

async function pair(): Promise<{ readonly primary: PostgresMember; readonly standby: PostgresMember }> {
  const { primary, standbys } = await restored(group);
  const [standby] = standbys;
  if (standby === undefined) throw new Error('the group has two members');
  return { primary, standby };
}

async function makeReadOnly(member: PostgresMember): Promise<void> {
  await member.sql('ALTER SYSTEM SET default_transaction_read_only = on');
  await member.sql('SELECT pg_reload_conf()');
}

async function makeWritable(member: PostgresMember): Promise<void> {
  await member.sql('ALTER SYSTEM RESET default_transaction_read_only');
  await member.sql('SELECT pg_reload_conf()');
}

test('empties the route of a primary that went read-only, and leads to it again when it takes writes', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name, [standby.name]);

  await makeReadOnly(primary);
  await scene.untilRouted(null, [standby.name]);
  expect(await scene.untilDecision('NoPrimary')).toContain(
    `${primary.name} is read-only and no other member accepts writes; waiting for others to promote a standby`,
  );
  const health = await scene.untilCondition('PrimaryHealthy', 'False', 'NoPrimary');
  expect(health.message).toContain('the read-write route leads nowhere');

  await makeWritable(primary);
  await scene.untilRouted(primary.name, [standby.name]);
  const entry = await scene.untilEpoch(2);
  expect(entry).toMatchObject({ kind: 'Follow', to: primary.name, outcome: 'Completed' });
  expect(entry.reason).toContain(`${primary.name} accepts writes again`);
  await scene.untilCondition('Ready', 'True', 'Ready');
});

test('follows at once when the primary went read-only and another was promoted', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  const writer = await scene.startWriter();
  await writer.nextAfter(0, 10_000);

  await makeReadOnly(primary);
  await scene.untilRouted(null);
  await standby.promote();
  const promotedMs = performance.now();
  const moved = await scene.untilRouted(standby.name);
  expect(moved.atMs - promotedMs).toBeLessThan(3_000);
  const first = await writer.nextAfter(promotedMs, 10_000);
  const entry = await scene.untilEpoch(2);
  expect(entry).toMatchObject({ kind: 'Follow', from: primary.name, to: standby.name });
  expect(entry.reason).toContain(`${primary.name} does not accept writes any more`);

  // Writable again beside the new primary: it is quarantined and stays unrouted.
  await makeWritable(primary);
  await scene.until('it is writable', ({ members = [] }) =>
    members.some((member) => member.name === primary.name && member.quarantinedAtEpoch === 2),
  );
  await writer.nextAfter(performance.now() + 800, 10_000);
  expect(serversAfter(group, writer, first.atMs)).toHaveLength(1);
  expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [standby.name] });
  expect(scene.statuses.entries.some(({ splitBrain }) => splitBrain !== undefined)).toBe(false);
});

test('empties the route of a primary that came back in recovery, and follows whoever is promoted then', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name);

  await primary.stop('fast');
  await primary.becomeStandbyOf(standby);
  await primary.start();
  await scene.untilRouted(null);
  expect(await scene.untilDecision('NoPrimary')).toContain(`${primary.name} is in recovery`);
  await standby.promote();
  await scene.untilRouted(standby.name, [primary.name]);
  expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Follow', from: primary.name, to: standby.name });
});

test('leaves a primary that restarts within its grace alone', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group, { 'spec.detection.shutdownGrace': '30s' });
  await scene.stage.start();
  await scene.untilRouted(primary.name, [standby.name]);
  await primary.stop('fast');
  await scene.untilCondition('PrimaryHealthy', 'False', 'PrimaryStopping');
  await primary.start();
  await scene.untilCondition('PrimaryHealthy', 'True', 'PrimaryUp');
  expect(scene.statuses.entries.at(-1)).toMatchObject({ epoch: 1, history: [{ epoch: 1 }] });
  const adopted = scene.routes.entries.findIndex(({ readWrite }) => readWrite.includes(primary.name));
  expect(scene.routes.entries.slice(adopted).filter(({ readWrite }) => readWrite.join() !== primary.name)).toEqual([]);
});

test('moves nothing while paused, says so, and moves as soon as it is unpaused', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group, { 'spec.paused': true });
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  const paused = await scene.untilCondition('FailoverReady', 'False', 'Paused');
  expect(paused.message).toContain('set it to false');

  await primary.kill();
  await standby.promote();
  await scene.until(
    'the new primary is seen beside the dead one',
    ({ members = [] }) =>
      members.some(({ name, role }) => name === standby.name && role === 'Primary') &&
      members.some(({ name, dead }) => name === primary.name && dead === true),
  );
  expect(await scene.untilDecision('Paused')).toContain('requests are still honoured');
  expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [primary.name], epoch: 1 });

  await scene.patchSpec({ paused: false });
  await scene.untilRouted(standby.name);
  expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Follow', outcome: 'Completed' });
});
