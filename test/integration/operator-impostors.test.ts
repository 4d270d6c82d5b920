/** Names that do not lead to a server of their own: an alias of another member, and a balancer in front of two. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { groupAddress } from '../../hack/world/addresses.ts';
import { behind, eventually, statusOf, untilBehind, untilReady } from '../support/operator-views.ts';
import { ordersOf } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('impostors', ['frankfurt', 'virginia']);

const primary = () => group.member('frankfurt');
const verdictOf = async (name: string) =>
  (await statusOf(stage)).members?.find((member) => member.name === name)?.verdict;

/** The group, and one more name. */
const withAlias = (host: string) =>
  ordersOf({ members: [...group.members, { ...primary(), name: 'lisbon', host, port: 5432 }] });

test('an alias of the primary is told to be one, and reads are not sent there', async () => {
  await stage.apply(withAlias(primary().address6));
  await stage.start();
  // The verdict may be told before the adoption has ended, and readers join after it.
  await untilReady(stage);
  await eventually(async () => expect(await verdictOf('lisbon')).toBe('DuplicateMember'));
  await untilBehind(stage, 'orders-ro', [group.member('virginia').address]);
  expect(await statusOf(stage)).toMatchObject({ primary: 'frankfurt', epoch: 1 });
  expect(await behind(stage, 'orders-rw')).toEqual([primary().address]);
});

test('a balancer in front of two servers is ambiguous, and nothing is routed to it', async () => {
  const sockets = new Set<Socket>();
  const servers = group.members.map(({ address }) => address);
  let turn = 0;
  const balancer = createServer((client) => {
    turn += 1;
    const server = connect(5432, servers[turn % servers.length]);
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        server.destroy();
      });
    }
    client.pipe(server).pipe(client);
  });
  const host = groupAddress(group.number, 200);
  balancer.listen(5432, host);
  await once(balancer, 'listening');
  await stage.apply(withAlias(host));
  await stage.start();
  await untilReady(stage);
  await eventually(async () => expect(await verdictOf('lisbon')).toBe('Ambiguous'), 50_000);
  expect(await statusOf(stage)).toMatchObject({ primary: 'frankfurt', epoch: 1 });
  expect(await behind(stage, 'orders-rw')).toEqual([primary().address]);
  expect(await behind(stage, 'orders-ro')).not.toContain(host);
  balancer.close();
  for (const socket of sockets) socket.destroy();
});
