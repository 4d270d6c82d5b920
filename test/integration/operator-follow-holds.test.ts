import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { DEFAULT_HBA } from '../../hack/world/postgres-files.ts';
import type { PostgresMember } from '../../hack/world/postgres-member.ts';
import { APPLICATION, PLAIN_MONITOR, restored, untilCaughtUp } from '../support/monitored-group.ts';
import { eventually, throughout } from '../support/operator-views.ts';
import { MONITOR, MONITOR_SECRET } from '../support/operator-world.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { monitoredGroup } from '../support/staged-group.ts';

const group = monitoredGroup({ name: 'holds', members: ['a', 'b', 'c'] });

async function three(): Promise<{
  readonly primary: PostgresMember;
  readonly second: PostgresMember;
  readonly third: PostgresMember;
}> {
  const { primary, standbys } = await restored(group);
  const [second, third] = standbys;
  if (second === undefined || third === undefined) throw new Error('the group has three members');
  return { primary, second, third };
}

/** Automation holds, for several looks at everybody: no attempt beyond `epoch`, and the route still leads to `name`. */
function expectHeld(scene: Scene, name: string, epoch: number): Promise<void> {
  return throughout(800, async () => {
    expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [name], epoch });
    expect(scene.statuses.entries.at(-1)).toMatchObject({ epoch, primary: name });
  });
}

test('does not follow a member that was promoted from an older branch, and names the way out', async () => {
  const { primary, second, third } = await three();
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  // `third` misses the promotion of `second`, so its own later one forks from the history before it.
  await third.stop('fast');
  await primary.sql('CREATE TABLE missed_by_the_third ()');
  await untilCaughtUp(primary);
  await primary.kill();
  await second.promote();
  await scene.untilEpoch(2);
  await second.kill();
  await third.start();
  await third.promote();

  const message = await scene.untilDecision('TimelineDiverged');
  expect(message).toContain(`${third.name} accepts writes but is no descendant of the group`);
  expect(message).toContain('FailoverRequest of kind ForceRoute');
  const readiness = await scene.untilCondition('FailoverReady', 'False', 'TimelineDiverged');
  expect(readiness.message).toContain('ForceRoute');
  await expectHeld(scene, second.name, 2);

  // Promoted once more its timeline is the higher one, and its history tells the same.
  await third.stop('fast');
  await writeFile(join(third.dataDir, 'standby.signal'), '');
  await third.start();
  await third.promote();
  await scene.until('the fork is told from the history', ({ decision }) =>
    /another promotion with the same number/.test(decision?.message ?? ''),
  );
  await expectHeld(scene, second.name, 2);
});

test('without the right to read histories follows a member that it saw streaming', async () => {
  const { primary, second } = await three();
  await using scene = await openScene(group);
  await scene.stage.secret(MONITOR_SECRET, PLAIN_MONITOR);
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  await scene.until('it says which right is missing', ({ members = [] }) =>
    members.every(({ missingRights = [] }) => missingRights.join().includes('timeline history is unreadable')),
  );
  await primary.kill();
  await second.promote();
  expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Follow', to: second.name, outcome: 'Completed' });
});

test('without that right holds for a member that restarted before it was promoted', async () => {
  const { primary, second } = await three();
  await using scene = await openScene(group);
  await scene.stage.secret(MONITOR_SECRET, PLAIN_MONITOR);
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  await primary.kill();
  await second.restart();
  await second.promote();
  const message = await scene.untilDecision('UnprovenTimeline');
  expect(message).toContain(`${second.name} accepts writes but nothing proves that it descends from the group`);
  expect(message).toContain('grant REPLICATION to the monitor role, or create a FailoverRequest of kind ForceRoute');
  await expectHeld(scene, primary.name, 1);

  await second.sql(`ALTER ROLE ${PLAIN_MONITOR.username} REPLICATION`);
  // Sooner than the next new connection would be made, which is every ten seconds.
  expect(await scene.untilEpoch(2, 8_000)).toMatchObject({ kind: 'Follow', to: second.name });
  await second.sql(`ALTER ROLE ${PLAIN_MONITOR.username} NOREPLICATION`);
});

test('holds when the old primary refuses the operator’s login, for it may still take writes', async () => {
  const { primary, second } = await three();
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  await primary.reconfigure({ hba: [`host all ${MONITOR.username} all reject`, ...DEFAULT_HBA] });
  try {
    await endMonitorSessions(primary);
    const health = await scene.untilCondition('PrimaryHealthy', 'Unknown', 'PrimaryMisconfigured');
    expect(health.message).toContain('28000');
    await second.promote();
    const message = await scene.untilDecision('OldPrimaryUnreadable');
    expect(message).toContain(`${primary.name} cannot be read and may accept them too`);
    expect(message).toContain('FailoverRequest of kind ForceRoute');
    await expectHeld(scene, primary.name, 1);
  } finally {
    await primary.reconfigure({ hba: DEFAULT_HBA });
  }
});

test('holds when the old primary has no connection left for the operator', async () => {
  const { primary, second } = await three();
  await using scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  const crowd: pg.Client[] = [];
  try {
    // The operator's session makes room for one more of the crowd, unless the operator is faster: then once again.
    const health = await eventually(async () => {
      await fillConnections(primary, crowd);
      await endMonitorSessions(primary);
      await fillConnections(primary, crowd);
      return scene.untilCondition('PrimaryHealthy', 'False', 'PrimaryOverloaded', 2_000);
    });
    // Also the place of the query that ended the sessions.
    await fillConnections(primary, crowd);
    expect(health.message).toContain('53300');
    await second.promote();
    expect(await scene.untilDecision('OldPrimaryUnreadable')).toContain('53300');
    await expectHeld(scene, primary.name, 1);
  } finally {
    for (const client of crowd) client.connection.stream.destroy();
  }
});

async function endMonitorSessions(member: PostgresMember): Promise<void> {
  await member.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [MONITOR.username]);
}

/** Adds connections until the server has none left. */
async function fillConnections(member: PostgresMember, crowd: pg.Client[]): Promise<void> {
  for (;;) {
    const client = new pg.Client({ host: member.address, database: 'postgres', ssl: false, ...APPLICATION });
    client.on('error', () => {}); // ends with the server or the test
    try {
      await client.connect();
      crowd.push(client);
    } catch (error) {
      if (error instanceof pg.DatabaseError && error.code === '53300') return;
      throw error;
    }
  }
}
