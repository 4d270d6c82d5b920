import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PostgresMember } from '../../hack/world/postgres-member.ts';
import type { RequestStatus } from '../../src/api/failover-request.ts';
import { restored } from '../support/monitored-group.ts';
import { eventually, throughout } from '../support/operator-views.ts';
import { PATIENT } from '../support/operator-world.ts';
import { replaceCluster } from '../support/rebuilt.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { monitoredGroup } from '../support/staged-group.ts';

const group = monitoredGroup({ name: 'requests', members: ['a', 'b'] });

async function pair(): Promise<{ readonly primary: PostgresMember; readonly standby: PostgresMember }> {
  const { primary, standbys } = await restored(group);
  const [standby] = standbys;
  if (standby === undefined) throw new Error('the group has two members');
  return { primary, standby };
}

const conditionOf = (status: RequestStatus, type: string) =>
  status.conditions?.find((condition) => condition.type === type);

describe('beside a healthy group', () => {
  let scene: Scene;
  let primary: PostgresMember;
  let standby: PostgresMember;
  beforeAll(async () => {
    ({ primary, standby } = await pair());
    scene = await openScene(group, PATIENT);
    await scene.stage.start();
    await scene.untilRouted(primary.name, [standby.name]);
  });
  afterAll(() => scene?.close());

  const order = async (spec: Readonly<Record<string, unknown>>): Promise<RequestStatus> =>
    (await scene.request(spec)).finished();

  function expectRefused(status: RequestStatus, reason: string): void {
    expect(status).toMatchObject({ reason, observedGeneration: 1 });
    expect(conditionOf(status, 'Accepted')).toMatchObject({ status: 'False', reason });
    expect(conditionOf(status, 'Complete')).toMatchObject({ status: 'False', reason, message: status.message });
  }

  test.each([
    { kind: 'Switchover', to: 'b' },
    { kind: 'Failover', to: 'b' },
    { kind: 'Acknowledge' },
    { kind: 'Abort' },
    { kind: 'Retry' },
  ])('refuses $kind as not yet supported', async (spec) => {
    const status = await order(spec);
    expectRefused(status, 'NotYetSupported');
    expect(status.message).toBe(
      `requests of kind ${spec.kind} are not supported by this version; ForceRoute and Rebaseline are`,
    );
  });

  test('refuses ForceRoute to a standby: the read-write route never leads to one', async () => {
    const status = await order({ kind: 'ForceRoute', to: standby.name });
    expectRefused(status, 'TargetNotWritable');
    expect(status.message).toContain(`${standby.name} does not accept writes: it is in recovery`);
    expect(status.guards?.some((guard) => guard.startsWith('refused TargetNotWritable'))).toBe(true);
  });

  test('refuses a member that the resource does not have, and lists those that it has', async () => {
    const status = await order({ kind: 'ForceRoute', to: 'nobody' });
    expectRefused(status, 'UnknownMember');
    expect(status.message).toBe('to: nobody is no member; the members are a, b');
  });

  test('refuses when the epoch is another than the person thought', async () => {
    const status = await order({ kind: 'ForceRoute', to: primary.name, ifEpoch: 7 });
    expectRefused(status, 'EpochChanged');
    expect(status.message).toContain('ifEpoch is 7, but status.epoch is 1');
  });

  test('completes ForceRoute to the routed member without doing anything', async () => {
    const status = await order({ kind: 'ForceRoute', to: primary.name, ifEpoch: 1 });
    expect(status).toMatchObject({ reason: 'AlreadyRouted' });
    expect(conditionOf(status, 'Complete')).toMatchObject({ status: 'True' });
  });

  test('tells in a dry run what Rebaseline would do, and does not do it', async () => {
    const status = await order({ kind: 'Rebaseline', dryRun: true });
    expect(status).toMatchObject({ reason: 'DryRun' });
    expect(status.message).toContain(`the routes would lead to ${primary.name}`);
    expect(status.guards?.every((guard) => guard.startsWith('ok '))).toBe(true);
    expect(status.epoch).toBeUndefined();
  });

  test('keeps a request for a later time waiting, and says so', async () => {
    const at = new Date(Date.now() + 3_600_000).toISOString();
    const request = await scene.request({ kind: 'ForceRoute', to: primary.name, at });
    const waiting = await request.statuses.until('scheduled', ({ reason }) => reason === 'Scheduled', 10_000);
    expect(waiting.message).toBe(`waits until ${at}`);
    expect(conditionOf(waiting, 'Accepted')).toMatchObject({ status: 'True', reason: 'Scheduled' });
    await request.delete();
  });

  test('deletes a finished request when its time to live is over', async () => {
    const request = await scene.request({ kind: 'ForceRoute', to: primary.name, ttlAfterFinished: '1s' });
    const { finishedAt } = await request.finished();
    await eventually(async () => expect(await request.exists()).toBe(false));
    expect(Date.now() - Date.parse(finishedAt ?? '')).toBeGreaterThanOrEqual(1_000);
  });

  test('refuses a request for a resource that does not exist', async () => {
    const request = await scene.request({ databaseFailover: 'nothing', kind: 'ForceRoute', to: 'a' });
    const status = await request.finished(20_000);
    expectRefused(status, 'ResourceNotFound');
    expect(status.message).toContain(`there is no DatabaseFailover nothing in namespace ${scene.stage.namespace}`);
  });

  test('has begun no attempt for any of them', () => {
    expect(scene.statuses.entries.at(-1)).toMatchObject({ epoch: 1, history: [{ epoch: 1, kind: 'Adopt' }] });
    expect(scene.routes.entries.filter(({ readWrite }) => readWrite.includes(standby.name))).toEqual([]);
  });
});

test('carries ForceRoute out when its time has come, also while paused, but neither a dry run nor a deleted one', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene(group, { ...PATIENT, 'spec.paused': true });
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  await standby.promote();
  await scene.untilCondition('SplitBrain', 'True', 'SplitBrain');

  const dry = await (await scene.request({ kind: 'ForceRoute', to: standby.name, dryRun: true })).finished();
  expect(dry).toMatchObject({ reason: 'DryRun' });
  expect(dry.message).toContain(`the routes would lead to ${standby.name}`);
  expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [primary.name], epoch: 1 });

  // Both are due at once, and the older one would come first: the other then finds the epoch that it names gone.
  const at = new Date(Date.now() + 5_000).toISOString();
  const cancelled = await scene.request({ kind: 'ForceRoute', to: standby.name, at });
  const request = await scene.request({ kind: 'ForceRoute', to: standby.name, at, ifEpoch: 1 });
  for (const { statuses } of [cancelled, request])
    await statuses.until('scheduled', ({ reason }) => reason === 'Scheduled', 10_000);
  await cancelled.delete();
  const done = await request.finished();
  expect(done).toMatchObject({ reason: 'Completed', epoch: 2 });
  expect(conditionOf(done, 'Accepted')).toMatchObject({ status: 'True' });
  expect(conditionOf(done, 'Complete')).toMatchObject({ status: 'True' });
  const { startedAt, request: by } = await scene.untilEpoch(2);
  expect(by).toBe(request.name);
  expect(Date.parse(startedAt)).toBeGreaterThanOrEqual(Date.parse(at));
  expect(Date.parse(startedAt) - Date.parse(at)).toBeLessThan(5_000);
  await scene.untilRouted(standby.name);
  const late = scene.routes.entries.filter(({ readWrite }) => readWrite.length > 1);
  expect(late).toEqual([]);
});

test('takes a restored cluster for the group only by Rebaseline', async () => {
  const { primary, standby } = await pair();
  await using scene = await openScene({ members: [primary] }, PATIENT);
  await scene.stage.start();
  await scene.untilRouted(primary.name);
  const { baseline } = await scene.until('it has a baseline', (status) => status.baseline !== undefined);
  const before = baseline?.systemIdentifier;
  await standby.stop('immediate');
  await replaceCluster(primary);

  const degraded = await scene.untilCondition('Degraded', 'True', 'WrongCluster');
  expect(degraded.message).toContain(`the group's is ${before}`);
  expect(await scene.untilDecision('PrimaryUnreadable')).toContain('create a FailoverRequest of kind Rebaseline');
  await scene.untilRouted(null);
  await throughout(600, async () => expect(scene.routes.entries.at(-1)).toMatchObject({ readWrite: [] }));

  const done = await (await scene.request({ kind: 'Rebaseline' })).finished();
  expect(done).toMatchObject({ reason: 'Completed', epoch: 2 });
  await scene.untilRouted(primary.name, [primary.name]);
  await scene.untilCondition('Ready', 'True', 'Ready');
  const after = await scene.until('the new baseline', (one) => one.baseline?.systemIdentifier !== before);
  expect(after).toMatchObject({
    epoch: 2,
    primary: primary.name,
    history: [{ kind: 'Rebaseline' }, { kind: 'Adopt' }],
  });
});
