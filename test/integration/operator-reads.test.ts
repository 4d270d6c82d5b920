/** Who is behind the read-only Service, as replay falls behind and catches up. */
import { afterEach, beforeAll, expect, test } from 'vitest';
import { behind, eventually, statusOf, throughout, untilBehind, untilReady } from '../support/operator-views.ts';
import { ordersOf } from '../support/operator-world.ts';
import type { Edits } from '../support/resources.ts';
import { stagedGroup } from '../support/staged-group.ts';

const STANDBYS = ['virginia', 'oregon'] as const;
const { group, stage } = stagedGroup('reads', ['frankfurt', ...STANDBYS]);

beforeAll(async () => {
  await group.member('frankfurt').sql('CREATE TABLE beats (at timestamptz)');
});

afterEach(async () => {
  for (const name of STANDBYS) await group.member(name).sql('SELECT pg_wal_replay_resume()');
});

const address = (name: string) => group.member(name).address;
const pause = (name: string) => group.member(name).sql('SELECT pg_wal_replay_pause()');
const resume = (name: string) => group.member(name).sql('SELECT pg_wal_replay_resume()');
/** Something that a paused standby has not replayed. */
const write = () => group.member('frankfurt').sql('INSERT INTO beats VALUES (now())');

/** All that the primary has written so far. */
async function replayed(name: string): Promise<void> {
  const [row] = await group.member('frankfurt').sql('SELECT pg_current_wal_lsn()::text AS lsn');
  await eventually(async () => {
    const [done] = await group.member(name).sql('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done', [row?.lsn]);
    expect(done).toEqual({ done: true });
  });
}

const LIMITS = { maxReplayLag: '1s', leaveLag: '2s', dwell: '500ms' };

async function published(readOnly: object = {}, edits: Edits = {}, region: string | null = null): Promise<void> {
  await stage.apply(
    ordersOf(group, { 'spec.routes.readOnly': { service: 'orders-ro', ...LIMITS, ...readOnly }, ...edits }),
  );
  await stage.start({ region });
  await untilReady(stage);
}

const memberOf = async (name: string) => (await statusOf(stage)).members?.find((member) => member.name === name);

test('a standby that falls behind leaves above leaveLag, and joins again once it caught up', async () => {
  await published();
  await untilBehind(stage, 'orders-ro', STANDBYS.map(address));
  // Lag is the age of the last commit that was replayed: a recent one makes it start at nothing.
  const writtenAtMs = performance.now();
  await write();
  await replayed('virginia');
  await pause('virginia');
  await write();
  await untilBehind(stage, 'orders-ro', [address('oregon')]);
  expect(performance.now() - writtenAtMs).toBeGreaterThan(2_000);
  await eventually(async () => expect(await memberOf('virginia')).toMatchObject({ verdict: 'Up', readSet: false }));
  const resumedAtMs = performance.now();
  await resume('virginia');
  await untilBehind(stage, 'orders-ro', STANDBYS.map(address));
  expect(performance.now() - resumedAtMs).toBeGreaterThan(500);
});

test('while nobody is fit whenNoneFit decides', async () => {
  await published({ whenNoneFit: 'None' });
  await Promise.all(STANDBYS.map(pause));
  await write();
  await untilBehind(stage, 'orders-ro', []);
  const change = (whenNoneFit: string) =>
    stage.patch(ordersOf(group), { spec: { routes: { readOnly: { whenNoneFit } } } });
  await change('Primary');
  await untilBehind(stage, 'orders-ro', [address('frankfurt')]);
  expect(await behind(stage, 'orders-rw')).toEqual([address('frankfurt')]);
  // Oregon alone replays what there is now, and was seen to; what comes later it does not.
  await resume('oregon');
  await untilBehind(stage, 'orders-ro', [address('oregon')]);
  await pause('oregon');
  await write();
  await change('None');
  await untilBehind(stage, 'orders-ro', []);
  await change('LeastLagged');
  await untilBehind(stage, 'orders-ro', [address('oregon')]);
  await throughout(500, async () => expect(await behind(stage, 'orders-ro')).toEqual([address('oregon')]));
});

test('SameRegion reads in the operator’s region as long as a standby is fit there', async () => {
  await published(
    { prefer: 'SameRegion' },
    { 'spec.members.1.region': 'us-east-1', 'spec.members.2.region': 'us-west-2' },
    'us-west-2',
  );
  await untilBehind(stage, 'orders-ro', [address('oregon')]);
  await pause('oregon');
  await write();
  await untilBehind(stage, 'orders-ro', [address('virginia')]);
  await resume('oregon');
  await untilBehind(stage, 'orders-ro', [address('oregon')]);
});
