/** Several replicas: one acts, each of them looks, and who leads may end in any way. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { groupAddress } from '../../hack/world/addresses.ts';
import { holderOf, type Replica, startReplica } from '../support/operator-replica.ts';
import {
  behind,
  eventually,
  statusOf,
  throughout,
  untilBehind,
  untilReady,
  untilServed,
} from '../support/operator-views.ts';
import { ordersOf, PATIENT, SHORT_LEASE } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('replicas', ['frankfurt', 'virginia']);
let first: Replica;
let second: Replica;

beforeEach(async () => {
  await stage.apply(ordersOf(group, PATIENT));
  first = await startReplica(stage, 'first', groupAddress(group.number, 201));
  await eventually(async () => expect(await holderOf(stage)).toBe('first'));
  second = await startReplica(stage, 'second', groupAddress(group.number, 202));
  await untilReady(stage);
});

afterEach(async () => {
  for (const replica of [first, second]) {
    replica.thaw();
    if (!replica.exited()) await replica.stop();
  }
});

const SLICE = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'orders-rw-ipv4' } };
const address = (name: string) => group.member(name).address;

/** With the history, so that one epoch more tells where it came from. */
const ADOPTED_ONCE = { epoch: 1, primary: 'frankfurt', history: [{ epoch: 1, kind: 'Adopt', outcome: 'Completed' }] };

/** Who leads repairs: a foreign edit shows that somebody does. */
async function someoneActs(): Promise<void> {
  await stage.patch(SLICE, { endpoints: [] });
  await untilBehind(stage, 'orders-rw', [address('frankfurt')]);
}

const metric = async (replica: Replica, name: string): Promise<number> => {
  const { body } = await replica.get('/metrics');
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
};

test('each of them answers /health, and one alone acts', async () => {
  for (const replica of [first, second]) {
    await eventually(async () => {
      const { code, body } = await replica.get(`/health/${stage.namespace}/orders`);
      expect(code).toBe(200);
      expect(JSON.parse(body)).toMatchObject({ status: 'ok', db_primary: 'connected', db_replica: 'connected' });
    });
  }
  await someoneActs();
  expect(await metric(first, 'dbfailover_lease_held')).toBe(1);
  expect(await metric(second, 'dbfailover_lease_held')).toBe(0);
  expect((await second.get('/metrics')).body).toMatch(/kube_requests_total\{method="GET"/);
  expect((await second.get('/metrics')).body).not.toMatch(/kube_requests_total\{method="PATCH"/);
});

test('one that is told to stop gives the lease back, and the next leads at once', async () => {
  const stoppedAtMs = performance.now();
  expect(await first.stop()).toBe(0);
  await eventually(async () => expect(await holderOf(stage)).toBe('second'));
  expect(performance.now() - stoppedAtMs).toBeLessThan(SHORT_LEASE.leaseDurationMs);
  // What it wrote goes through a pipe into the file.
  await eventually(async () => expect(await first.log()).toContain('"stopped"'));
  await someoneActs();
  expect(await statusOf(stage)).toMatchObject(ADOPTED_ONCE);
});

test('one that is killed is succeeded when its lease is over, and nothing is done twice', async () => {
  await first.kill();
  const killedAtMs = performance.now();
  await stage.patch(SLICE, { endpoints: [] });
  await eventually(async () => expect(await holderOf(stage)).toBe('second'));
  expect(performance.now() - killedAtMs).toBeGreaterThan(SHORT_LEASE.renewDeadlineMs);
  await untilBehind(stage, 'orders-rw', [address('frankfurt')]);
  expect(await statusOf(stage)).toMatchObject(ADOPTED_ONCE);
});

test('one that was frozen while another followed a promotion overwrites nothing when it goes on', async () => {
  first.freeze();
  await eventually(async () => expect(await holderOf(stage)).toBe('second'));
  await group.member('frankfurt').kill();
  await group.member('virginia').promote();
  await untilServed(stage, 'orders-rw', address('virginia'));
  await eventually(async () => expect(await statusOf(stage)).toMatchObject({ epoch: 2, primary: 'virginia' }));
  first.thaw();
  await throughout(3_000, async () => {
    expect(await behind(stage, 'orders-rw')).toEqual([address('virginia')]);
    const { epoch, primary, history } = await statusOf(stage);
    expect({ epoch, primary, entries: history?.length }).toEqual({ epoch: 2, primary: 'virginia', entries: 2 });
  });
  expect(await holderOf(stage)).toBe('second');
  expect(await metric(first, 'dbfailover_lease_held')).toBe(0);
});
