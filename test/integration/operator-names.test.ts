/** Names that move, fail, or lead where they must not. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import type { DnsScript } from '../../hack/world/dns-server.ts';
import {
  behind,
  eventually,
  statusOf,
  throughout,
  untilBehind,
  untilCondition,
  untilEvents,
  untilReady,
} from '../support/operator-views.ts';
import { control, ordersOf } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const NAME = 'writer.aliases.test';
const { group, stage } = stagedGroup('aliases', ['frankfurt', 'virginia']);

beforeEach(async () => {
  await pointTo('frankfurt');
});

/** As clouds do it: the name of the writer is an alias of one server. */
const pointTo = (name: string) => control().setName(NAME, { kind: 'Records', cname: group.member(name).host, ttl: 1 });

/** One member, known by the name that moves. */
const behindOneName = () => ordersOf({ members: group.members.slice(0, 1) }, { 'spec.members.0.host': NAME });

async function started(): Promise<void> {
  await stage.apply(behindOneName());
  await stage.start();
  await untilReady(stage);
  await untilBehind(stage, 'orders-rw', [group.member('frankfurt').address]);
}

test('a name that moves to a standby is asked for its role, and the route does not follow by belief', async () => {
  await started();
  await pointTo('virginia');
  await eventually(async () => expect(await behind(stage, 'orders-rw')).toEqual([]), 30_000);
  const { message } = await untilCondition(stage, 'PrimaryHealthy', { status: 'False' });
  expect(message).toMatch(/frankfurt/);
  await pointTo('frankfurt');
  await eventually(
    async () => expect(await behind(stage, 'orders-rw')).toEqual([group.member('frankfurt').address]),
    30_000,
  );
  await eventually(async () => expect((await statusOf(stage)).history?.[0]).toMatchObject({ outcome: 'Completed' }));
});

describe('a name that cannot be resolved any more', () => {
  test.each<[string, DnsScript]>([
    ['NXDOMAIN', { kind: 'NXDOMAIN' }],
    ['SERVFAIL', { kind: 'SERVFAIL' }],
    ['silence', { kind: 'Silent' }],
  ])('keeps the last good address and the route (I9): %s', async (_, script) => {
    await started();
    await control().setName(NAME, script);
    // Beyond the record's time to live of one second.
    await throughout(3_000, async () => {
      expect(await behind(stage, 'orders-rw')).toEqual([group.member('frankfurt').address]);
      expect((await statusOf(stage)).members).toMatchObject([{ name: 'frankfurt', verdict: 'Up' }]);
    });
    await untilReady(stage);
  });

  test('and never could is told with the member’s name, and taken up once it can', async () => {
    await control().setName(NAME, { kind: 'NXDOMAIN' });
    await stage.apply(behindOneName());
    await stage.start();
    const { message } = await untilCondition(stage, 'Degraded', { status: 'True', reason: 'Unresolvable' });
    expect(message).toMatch(/frankfurt: .*writer\.aliases\.test.*NXDOMAIN/);
    expect((await statusOf(stage)).members).toMatchObject([{ verdict: 'Unresolvable' }]);
    expect((await statusOf(stage)).members?.[0]?.dead).not.toBe(true);
    await pointTo('frankfurt');
    await untilReady(stage);
    await untilEvents(stage, 'Unresolvable');
  });
});

describe('a denied range', () => {
  test.each([
    ['an address of the operator itself', '127.0.0.1', null],
    ['a name that leads there', 'sly.aliases.test', '127.0.0.1'],
    ['the metadata service', '169.254.169.254', null],
  ])('is named and never connected to: %s', async (_, host, resolved) => {
    let connections = 0;
    const trap = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    trap.listen(0, '127.0.0.1');
    await once(trap, 'listening');
    const bound = trap.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    if (resolved !== null) await control().setName(host, { kind: 'Records', a: [resolved], ttl: 1 });
    await stage.apply(
      ordersOf(group, { 'spec.members.1.host': host, 'spec.members.1.port': port, 'spec.members.1.direct': true }),
    );
    await stage.start();
    await untilBehind(stage, 'orders-rw', [group.member('frankfurt').address]);
    const { message } = await untilCondition(stage, 'Degraded', { status: 'True' });
    expect(message).toContain(`virginia: `);
    expect(message).toContain(resolved ?? host);
    expect(message).toContain('--denied-cidrs');
    await throughout(700, async () => expect(connections).toBe(0));
    trap.close();
  });
});
