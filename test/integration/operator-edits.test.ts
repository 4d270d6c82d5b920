/** A resource whose spec and status are edited while the operator works. */
import { beforeEach, describe, expect, test } from 'vitest';
import {
  behind,
  eventually,
  statusOf,
  throughout,
  untilBehind,
  untilCondition,
  untilReady,
} from '../support/operator-views.ts';
import { ordersOf, type RunningOperator } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('edits', ['frankfurt', 'virginia', 'oregon']);
let operator: RunningOperator;

beforeEach(async () => {
  operator = await stage.start();
});

const address = (name: string) => group.member(name).address;
const members = (...names: readonly string[]) => ({ members: names.map((name) => group.member(name)) });
const upOf = async () => (await statusOf(stage)).up;

describe('members', () => {
  test('that are added and removed join and leave the reads, and the writes stay', async () => {
    await stage.apply(ordersOf(members('frankfurt', 'virginia')));
    await untilReady(stage);
    await untilBehind(stage, 'orders-ro', [address('virginia')]);
    await stage.apply(ordersOf(members('frankfurt', 'virginia', 'oregon')));
    await untilBehind(stage, 'orders-ro', [address('virginia'), address('oregon')]);
    await eventually(async () => expect(await upOf()).toBe('3/3'));
    await stage.apply(ordersOf(members('frankfurt', 'oregon')));
    await untilBehind(stage, 'orders-ro', [address('oregon')]);
    await eventually(async () => expect(await upOf()).toBe('2/2'));
    expect(await behind(stage, 'orders-rw')).toEqual([address('frankfurt')]);
    expect(await statusOf(stage)).toMatchObject({ epoch: 1, primary: 'frankfurt' });
  });

  test('removing the routed one freezes the route and names the way out', async () => {
    await stage.apply(ordersOf(group));
    await untilReady(stage);
    await stage.apply(ordersOf(members('virginia', 'oregon')));
    await eventually(async () =>
      expect((await statusOf(stage)).decision).toMatchObject({ rule: 310, reason: 'RoutedMemberRemoved' }),
    );
    await throughout(500, async () => expect(await behind(stage, 'orders-rw')).toEqual([address('frankfurt')]));
    const { message } = await untilCondition(stage, 'PrimaryHealthy', { reason: 'RoutedMemberRemoved' });
    expect(message).toMatch(/frankfurt.*not in spec\.members.*ForceRoute/);
    await stage.apply(ordersOf(group));
    await untilReady(stage);
  });

  test('another host is another server until it has been asked', async () => {
    await stage.apply(ordersOf(members('frankfurt', 'virginia')));
    await untilReady(stage);
    const moved = { 'spec.members.1.host': address('oregon') };
    await stage.apply(ordersOf(members('frankfurt', 'virginia'), moved));
    await untilBehind(stage, 'orders-ro', [address('oregon')]);
    await untilReady(stage);
    expect(await behind(stage, 'orders-rw')).toEqual([address('frankfurt')]);
  });
});

describe('the status', () => {
  test('that somebody wiped stands there again within seconds, and the epoch does not fall', async () => {
    await stage.apply(ordersOf(group));
    await untilReady(stage);
    const before = await statusOf(stage);
    await stage.patch(
      ordersOf(group),
      { status: Object.fromEntries(Object.keys(before).map((field) => [field, null])) },
      '/status',
    );
    await eventually(async () => {
      const { epoch, primary, baseline, history } = await statusOf(stage);
      expect({ epoch, primary }).toEqual({ epoch: 1, primary: 'frankfurt' });
      expect(baseline?.systemIdentifier).toBe(before.baseline?.systemIdentifier);
      expect(history).toEqual(before.history);
    });
    await untilReady(stage);
    expect(await behind(stage, 'orders-rw')).toEqual([address('frankfurt')]);
  });

  test('that somebody wiped while no operator ran is made again at a higher epoch', async () => {
    await stage.apply(ordersOf(group));
    await untilReady(stage);
    await operator.stop();
    const { json } = await stage.api.raw(
      'GET',
      `/apis/dbfailover.dev/v1alpha1/namespaces/${stage.namespace}/databasefailovers/orders`,
    );
    await stage.api.raw(
      'PUT',
      `/apis/dbfailover.dev/v1alpha1/namespaces/${stage.namespace}/databasefailovers/orders/status`,
      { ...(typeof json === 'object' ? json : {}), status: {} },
    );
    expect((await statusOf(stage)).epoch).toBeUndefined();
    await stage.start();
    await eventually(async () => expect(await statusOf(stage)).toMatchObject({ epoch: 2, primary: 'frankfurt' }));
    await untilReady(stage);
    expect(await behind(stage, 'orders-rw')).toEqual([address('frankfurt')]);
  });
});
