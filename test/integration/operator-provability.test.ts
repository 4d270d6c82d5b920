/** Standbys that stream by another address than the spec knows, and a monitor role that may not read histories. */
import { expect, test } from 'vitest';
import type { Status } from '../../src/api/status.ts';
import { PLAIN_MONITOR, restored } from '../support/monitored-group.ts';
import { MONITOR_SECRET } from '../support/operator-world.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { monitoredGroup } from '../support/staged-group.ts';

/** The lack of a proof is told once it has lasted ten seconds. */
const SETTLED_WITHIN_MS = 25_000;

const group = monitoredGroup({ name: 'provability', members: ['a', 'b'], separateReplication: true });

async function pair() {
  const { primary, standbys } = await restored(group);
  const [standby] = standbys;
  if (standby === undefined) throw new Error('the group has two members');
  return { primary, standby };
}

/** Every word that FailoverReady has said, one after the other. */
function words(scene: Scene): readonly string[] {
  const wordOf = ({ conditions = [] }: Status) => conditions.find(({ type }) => type === 'FailoverReady')?.status ?? '';
  const said = scene.statuses.entries.map(wordOf).filter((word) => word !== '');
  return said.filter((word, index) => word !== said[index - 1]);
}

test('says beforehand that a promotion could not be proven, and the promotion is held', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group);
  await scene.stage.secret(MONITOR_SECRET, PLAIN_MONITOR);
  await scene.stage.start();
  const { message } = await scene.untilCondition('FailoverReady', 'False', 'PromotionUnprovable', SETTLED_WITHIN_MS);
  expect(message).toContain(`a promotion of ${standby.name} could not be proven`);
  expect(message).toContain('ALTER ROLE … REPLICATION');
  expect(message).toContain(
    `if that is ${primary.name}, set its members[].replication to {host: ${primary.replicationAddress}, port: 5432}`,
  );
  expect(words(scene)).toEqual(['Unknown', 'False']);

  await primary.kill();
  await standby.promote();
  expect(await scene.untilDecision('UnprovenTimeline')).toContain('was not seen streaming');
});

test('with the replication address in the spec it is ready, and the promotion is followed', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group);
  await scene.stage.secret(MONITOR_SECRET, PLAIN_MONITOR);
  await scene.stage.start();
  await scene.untilCondition('FailoverReady', 'False', 'PromotionUnprovable', SETTLED_WITHIN_MS);
  await scene.patchSpec({
    members: group.members.map(({ name, host, port, replicationAddress }) => ({
      ...{ name, host, port },
      replication: { host: replicationAddress },
    })),
  });
  await scene.untilCondition('FailoverReady', 'True', 'FollowsOthers');
  expect(words(scene)).toEqual(['Unknown', 'False', 'True']);

  await primary.kill();
  await standby.promote();
  expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Follow', to: standby.name, outcome: 'Completed' });
});
