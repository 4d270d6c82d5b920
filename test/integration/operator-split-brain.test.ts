import { expect, test } from 'vitest';
import { blackhole, heal } from '../../hack/world/cuts.ts';
import type { PostgresMember } from '../../hack/world/postgres-member.ts';
import { restored } from '../support/monitored-group.ts';
import { throughout, untilEvents } from '../support/operator-views.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { monitoredGroup } from '../support/staged-group.ts';

const group = monitoredGroup({ name: 'split', members: ['a', 'b'] });

interface Split {
  readonly scene: Scene;
  readonly primary: PostgresMember;
  readonly rival: PostgresMember;
}

/** The standby was promoted while the primary lives, and the operator says so. */
async function splitGroup(): Promise<Split> {
  const { primary, standbys } = await restored(group);
  const [rival] = standbys;
  if (rival === undefined) throw new Error('the group has two members');
  const scene = await openScene(group);
  await scene.stage.start();
  await scene.untilRouted(primary.name, [rival.name]);
  await rival.promote();
  await scene.untilCondition('SplitBrain', 'True', 'SplitBrain');
  return { scene, primary, rival };
}

const untilEnded = (scene: Scene) =>
  scene.until('the split brain has ended', ({ splitBrain, conditions = [] }) => {
    return splitBrain === undefined && conditions.every(({ type }) => type !== 'SplitBrain');
  });

/** Whatever happened, the read-write route never led to anybody but these, one at a time. */
function expectRoutedOnly(scene: Scene, ...names: readonly string[]): void {
  const seen = scene.routes.entries.map(({ readWrite }) => readWrite.join()).filter((member) => member !== '');
  expect([...new Set(seen)]).toEqual(names);
}

test('freezes the routes on the old primary, names the ways out, and ends when one of the two is gone', async () => {
  const { scene, primary, rival } = await splitGroup();
  await using _ = scene;
  const { message } = await scene.untilCondition('SplitBrain', 'True', 'SplitBrain');
  for (const word of [primary.name, rival.name, 'ForceRoute']) expect(message).toContain(word);
  await scene.untilCondition('Ready', 'False', 'SplitBrain');
  await scene.untilCondition('FailoverReady', 'False', 'SplitBrain');
  expect(await scene.untilDecision('SplitBrain')).toContain('routes are frozen');

  // Silence is no proof that it stopped.
  await blackhole(rival.address);
  await blackhole(rival.address6);
  await scene.until('the rival counts as dead', ({ members = [] }) =>
    members.some(({ name, verdict, dead }) => name === rival.name && verdict === 'Silent' && dead === true),
  );
  await throughout(600, async () =>
    expect(scene.statuses.entries.at(-1)?.splitBrain?.members).toEqual([primary.name, rival.name].sort()),
  );
  await heal(rival.address);
  await heal(rival.address6);

  await rival.stop('immediate');
  await untilEnded(scene);
  await scene.untilCondition('PrimaryHealthy', 'True', 'PrimaryUp');
  expectRoutedOnly(scene, primary.name);
  expect(scene.statuses.entries.at(-1)).toMatchObject({ epoch: 1, primary: primary.name });
  await untilEvents(scene.stage, 'SplitBrain', 'SplitBrainResolved');
});

test('ends when the rival becomes read-only, and the old primary stays', async () => {
  const { scene, primary, rival } = await splitGroup();
  await using _ = scene;
  await rival.sql('ALTER SYSTEM SET default_transaction_read_only = on');
  await rival.sql('SELECT pg_reload_conf()');
  await untilEnded(scene);
  expectRoutedOnly(scene, primary.name);
  expect(scene.statuses.entries.at(-1)).toMatchObject({ epoch: 1 });
});

test('ends when the routed one is stopped, and the routes follow the other', async () => {
  const { scene, primary, rival } = await splitGroup();
  await using _ = scene;
  await primary.kill();
  await scene.untilRouted(rival.name);
  expect(await scene.untilEpoch(2)).toMatchObject({ kind: 'Follow', from: primary.name, to: rival.name });
  await untilEnded(scene);
  expectRoutedOnly(scene, primary.name, rival.name);
});

test('ends by ForceRoute in favour of the member that it names, and the other is kept out', async () => {
  const { scene, primary, rival } = await splitGroup();
  await using _ = scene;
  const request = await scene.request({ kind: 'ForceRoute', to: rival.name });
  const finished = await request.finished();
  expect(finished).toMatchObject({ reason: 'Completed', epoch: 2 });
  expect(finished.message).toBe(`the routes lead to ${rival.name} at epoch 2`);
  await scene.untilRouted(rival.name);
  await untilEnded(scene);
  const status = await scene.until('the old primary is quarantined', ({ members = [] }) =>
    members.some(({ name, quarantinedAtEpoch }) => name === primary.name && quarantinedAtEpoch === 2),
  );
  expect(status.history?.[0]).toMatchObject({ epoch: 2, kind: 'ForceRoute', from: primary.name, to: rival.name });
  // The old one still takes writes, and nothing comes of it.
  await throughout(800, async () =>
    expect(scene.statuses.entries.at(-1)).toMatchObject({ epoch: 2, primary: rival.name }),
  );
  expectRoutedOnly(scene, primary.name, rival.name);
  expect(scene.statuses.entries.at(-1)?.splitBrain).toBeUndefined();
});

test('ends by ForceRoute in favour of the old primary as well, and the promoted one is kept out', async () => {
  const { scene, primary, rival } = await splitGroup();
  await using _ = scene;
  const finished = await (await scene.request({ kind: 'ForceRoute', to: primary.name })).finished();
  expect(finished).toMatchObject({ reason: 'Completed', epoch: 2 });
  await untilEnded(scene);
  await scene.until('the promoted one is quarantined', ({ members = [] }) =>
    members.some(({ name, quarantinedAtEpoch }) => name === rival.name && quarantinedAtEpoch === 2),
  );
  await throughout(800, async () => {
    expect(scene.statuses.entries.at(-1)?.splitBrain).toBeUndefined();
    expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [primary.name] });
  });
});

test('refuses Rebaseline while two accept writes, and takes it when one is left', async () => {
  const { scene, primary, rival } = await splitGroup();
  await using _ = scene;
  const refused = await (await scene.request({ kind: 'Rebaseline' })).finished();
  expect(refused).toMatchObject({ reason: 'SeveralWriters' });
  expect(refused.message).toContain('stop all but one, or use ForceRoute');
  await rival.stop('immediate');
  await untilEnded(scene);
  const done = await (await scene.request({ kind: 'Rebaseline' })).finished();
  expect(done).toMatchObject({ reason: 'Completed', epoch: 2 });
  await scene.untilRouted(primary.name);
});
