/** Members that are not what they should be, or live and cannot serve: told, never mistaken for dead, never routed. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { groupAddress } from '../../hack/world/addresses.ts';
import {
  behind,
  eventually,
  statusOf,
  throughout,
  untilBehind,
  untilCondition,
  untilReady,
} from '../support/operator-views.ts';
import { ordersOf } from '../support/operator-world.ts';
import { stagedGroup, watchedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('faults', ['frankfurt', 'virginia']);
const stranger = watchedGroup('stranger', ['lisbon']);

const primary = () => group.member('frankfurt');
const memberOf = async (name: string) => (await statusOf(stage)).members?.find((member) => member.name === name);
const onlyFrankfurtIsRouted = async (): Promise<void> => {
  expect(await behind(stage, 'orders-rw')).toEqual([primary().address]);
  expect(await statusOf(stage)).toMatchObject({ primary: 'frankfurt', epoch: 1 });
};

/** The group, and one more member that listens elsewhere. */
const with3rd = (host: string, port: number) =>
  ordersOf({ members: [...group.members, { ...primary(), name: 'lisbon', host, port }] });

test('a member of another cluster is named and never routed, though it alone accepts writes besides', async () => {
  await stage.apply(ordersOf(group));
  await stage.start();
  await untilReady(stage);
  const { host, port, address } = stranger.member('lisbon');
  await stage.apply(with3rd(host, port));
  const { message } = await untilCondition(stage, 'Degraded', { status: 'True', reason: 'WrongCluster' });
  expect(message).toMatch(/lisbon: .*system identifier/);
  await throughout(1_000, async () => {
    await onlyFrankfurtIsRouted();
    expect(await behind(stage, 'orders-ro')).not.toContain(address);
  });
});

test('a pinned system identifier that no member has holds everything', async () => {
  await stage.apply(ordersOf(group, { 'spec.systemIdentifier': '7711274532309372686' }));
  await stage.start();
  const { message } = await untilCondition(stage, 'Degraded', { status: 'True', reason: 'WrongCluster' });
  expect(message).toMatch(/7711274532309372686/);
  await throughout(500, async () => expect(await behind(stage, 'orders-rw')).toEqual([]));
  await stage.patch(ordersOf(group), { spec: { systemIdentifier: null } });
  await untilReady(stage);
});

test('a member that does not speak PostgreSQL is told and leaves the others alone', async () => {
  const web = createServer((socket) => {
    socket.on('error', () => {});
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  const host = groupAddress(group.number, 200);
  web.listen(5432, host);
  await once(web, 'listening');
  await stage.apply(with3rd(host, 5432));
  await stage.start();
  const { message } = await untilCondition(stage, 'Degraded', { status: 'True', reason: 'NotPostgres' });
  expect(message).toMatch(/lisbon: /);
  await untilBehind(stage, 'orders-rw', [primary().address]);
  expect((await memberOf('lisbon'))?.dead).not.toBe(true);
  web.close();
});

/** Connections until the server refuses with 53300; those reserved for superusers are not to be had. */
async function fill(crowd: pg.Client[]): Promise<void> {
  const { address, port } = primary();
  for (;;) {
    const client = new pg.Client({ host: address, port, user: 'crowd', password: 'crowd', database: 'postgres' });
    client.on('error', () => {});
    try {
      await client.connect();
      crowd.push(client);
    } catch (error) {
      expect(error).toMatchObject({ code: '53300' });
      return;
    }
  }
}

test('a server whose connections are used up lives: the route stays', async () => {
  await stage.apply(ordersOf(group));
  await stage.start();
  await untilReady(stage);
  await primary().sql("CREATE ROLE crowd LOGIN PASSWORD 'crowd'");
  const crowd: pg.Client[] = [];
  // The operator's session makes room for one more of the crowd, unless the operator is faster: then once again.
  await eventually(async () => {
    await fill(crowd);
    await primary().sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'monitor'");
    await fill(crowd);
    expect(await memberOf('frankfurt')).toMatchObject({
      verdict: 'Overloaded',
      reason: expect.stringContaining('53300'),
    });
  });
  await throughout(1_500, async () => {
    await onlyFrankfurtIsRouted();
    expect((await memberOf('frankfurt'))?.dead).not.toBe(true);
  });
  for (const client of crowd) client.connection.stream.destroy();
  await untilReady(stage);
  expect(await memberOf('frankfurt')).toMatchObject({ verdict: 'Up', role: 'Primary' });
});

test('a restart within its grace moves nothing and begins no attempt', async () => {
  await stage.apply(ordersOf(group, { 'spec.detection.shutdownGrace': '30s', 'spec.detection.startupGrace': '30s' }));
  await stage.start();
  await untilReady(stage);
  const restarted = primary().restart();
  let done = false;
  void restarted.then(() => {
    done = true;
  });
  while (!done) await onlyFrankfurtIsRouted();
  await restarted;
  await throughout(1_000, onlyFrankfurtIsRouted);
  await untilReady(stage);
  expect((await statusOf(stage)).history).toHaveLength(1);
});
