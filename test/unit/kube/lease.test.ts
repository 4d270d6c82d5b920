import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Elector, type ElectorParts } from '../../../src/kube/lease.ts';
import { DEFAULT_LEASE_TIMES } from '../../../src/kube/lease-times.ts';
import { KubeError } from '../../../src/ports/kube.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { FakeLease, FakeLeaseStore } from '../../support/fake-lease-store.ts';
import { RecordingObserver } from '../../support/recording-observer.ts';

interface Candidate {
  readonly elector: Elector;
  readonly store: FakeLeaseStore;
  readonly observer: RecordingObserver;
  readonly changes: boolean[];
}

let clock: FakeClock;
let lease: FakeLease;
let started: Elector[];

beforeEach(() => {
  clock = new FakeClock();
  lease = new FakeLease(clock);
  started = [];
});

afterEach(async () => {
  const released = started.map((elector) => elector.release());
  await clock.advance(10_000);
  await Promise.all(released);
  expect(clock.pending).toBe(0);
});

function candidate(identity: string, overrides: Partial<ElectorParts> = {}): Candidate {
  const store = new FakeLeaseStore(lease, identity);
  const observer = new RecordingObserver();
  const elector = new Elector({
    store,
    clock,
    random: () => 0.5,
    observer,
    identity,
    times: DEFAULT_LEASE_TIMES,
    workStopped: () => Promise.resolve(),
    onWorkStuck: () => {},
    ...overrides,
  });
  const changes: boolean[] = [];
  elector.onChange((leading) => changes.push(leading));
  started.push(elector);
  return { elector, store, observer, changes };
}

async function leader(identity: string, overrides: Partial<ElectorParts> = {}): Promise<Candidate> {
  const made = candidate(identity, overrides);
  made.elector.start();
  await clock.advance(0);
  expect(made.elector.isLeader()).toBe(true);
  return made;
}

const refused = new KubeError('Forbidden', 'leases is forbidden', 403);
const away = new KubeError('Unavailable', 'ECONNREFUSED');

describe('one of two candidates leads', () => {
  test('although both try to create the Lease at the same moment', async () => {
    const [a, b] = [candidate('a'), candidate('b')];
    a.elector.start();
    b.elector.start();
    await clock.advance(60_000);
    expect([a.elector.isLeader(), b.elector.isLeader()]).toEqual([true, false]);
    expect(lease.stored).toMatchObject({ holder: 'a', transitions: 0, durationMs: 15_000 });
    expect(b.elector.status()).toMatchObject({ holder: 'a', leading: false, lastLoss: null });
  });

  test('and renews every retry period, with at least eight seconds left at any time', async () => {
    const a = await leader('a');
    for (let step = 0; step < 200; step += 1) {
      await clock.advance(100);
      expect(a.elector.remainingMs()).toBeGreaterThanOrEqual(8_000 - 100);
    }
    expect(lease.writes).toHaveLength(11);
    expect(a.changes).toEqual([true]);
  });

  test('and the other takes over when it died, after the duration that it wrote', async () => {
    lease.overwrite({ holder: 'dead', durationMs: 20_000, transitions: 4 });
    const b = candidate('b');
    b.elector.start();
    await clock.advance(19_900);
    expect(b.elector.isLeader()).toBe(false);
    await clock.advance(200);
    expect(b.elector.isLeader()).toBe(true);
    expect(lease.stored).toMatchObject({ holder: 'b', transitions: 5 });
  });

  test('and its expiry is judged by changes seen, not by the times that it wrote', async () => {
    lease.overwrite({ holder: 'a-century-ago', renewedAt: 0, acquiredAt: 0 });
    const b = candidate('b');
    b.elector.start();
    await clock.advance(14_900);
    expect(b.elector.isLeader()).toBe(false);
    lease.overwrite({ renewedAt: 0 });
    await clock.advance(14_900);
    expect(b.elector.isLeader()).toBe(false);
    await clock.advance(3_000);
    expect(b.elector.isLeader()).toBe(true);
  });

  test('and never two, whatever requests fail', async () => {
    const all = ['a', 'b', 'c'].map((name) => candidate(name));
    let seed = 7;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    for (const { store, elector } of all) {
      store.fault = () =>
        (['Silence', 'LoseAnswer', away, null, null, null] as const)[Math.floor(random() * 6)] ?? null;
      elector.start();
    }
    let led = 0;
    for (let step = 0; step < 3_000; step += 1) {
      await clock.advance(100 + 400 * random());
      const leading = all.filter(({ elector }) => elector.isLeader()).length;
      expect(leading).toBeLessThanOrEqual(1);
      led += leading;
    }
    expect(led).toBeGreaterThan(500);
    for (const { store } of all) store.fault = () => null;
  });
});

describe('a leader stops leading', () => {
  test('ten seconds after the last confirmed renewal was sent, well before anybody else may start', async () => {
    const a = await leader('a');
    const b = candidate('b');
    b.elector.start();
    const signal = a.elector.termSignal();
    a.store.fault = () => 'Silence';
    await clock.advance(9_999);
    expect([a.elector.isLeader(), signal?.aborted]).toEqual([true, false]);
    await clock.advance(1);
    expect([a.elector.isLeader(), signal?.aborted, a.elector.termSignal()]).toEqual([false, true, null]);
    expect(signal?.reason).toMatchObject({ code: 'LEADERSHIP_LOST', why: 'Expired' });
    expect(b.elector.isLeader()).toBe(false);
    await clock.advance(5_100);
    expect(b.elector.isLeader()).toBe(true);
    expect(a.changes).toEqual([true, false]);
  });

  test('at once when somebody else holds the Lease', async () => {
    const a = await leader('a');
    lease.overwrite({ holder: 'b' });
    await clock.advance(2_000);
    expect(a.elector.status()).toMatchObject({ leading: false, holder: 'b', lastLoss: 'Taken' });
  });

  test('at once when the Lease was deleted, and takes part again', async () => {
    const a = await leader('a');
    lease.delete();
    await clock.advance(2_000);
    expect(a.elector.status().lastLoss).toBe('Deleted');
    await clock.advance(2_400);
    expect(a.changes).toEqual([true, false, true]);
  });

  test('when its event loop hung for more than half of the renew deadline', async () => {
    const a = await leader('a');
    clock.stall(7_000);
    await clock.advance(0);
    expect(a.elector.status()).toMatchObject({ lastLoss: 'Stalled' });
    expect(a.changes.slice(0, 2)).toEqual([true, false]);
  });

  test('by its own clock even before any timer has run after a long hang', async () => {
    const a = await leader('a');
    clock.stall(10_000);
    expect([a.elector.isLeader(), a.elector.remainingMs(), a.elector.termSignal()]).toEqual([false, 0, null]);
    await clock.advance(0);
  });

  test('when the machine slept, although the monotonic clock saw nothing', async () => {
    const a = await leader('a');
    clock.jumpWall(3_600_000);
    expect(a.elector.isLeader()).toBe(false);
    await clock.advance(1_000);
    expect(a.elector.status().lastLoss).toBe('Stalled');
  });
});

describe('a leader keeps leading', () => {
  test('through failures shorter than the renew deadline', async () => {
    const a = await leader('a');
    a.store.fault = () => away;
    await clock.advance(7_000);
    a.store.fault = () => null;
    await clock.advance(30_000);
    expect(a.changes).toEqual([true]);
  });

  test('when the answer to its own write was lost', async () => {
    const a = await leader('a');
    a.store.fault = (verb) => (verb === 'replace' ? 'LoseAnswer' : null);
    await clock.advance(3_900);
    a.store.fault = () => null;
    await clock.advance(20_000);
    expect(a.changes).toEqual([true]);
    expect(lease.stored).toMatchObject({ holder: 'a', transitions: 0 });
  });

  test('when somebody edits a label of the Lease', async () => {
    const a = await leader('a');
    lease.overwrite({});
    await clock.advance(2_000);
    expect(a.changes).toEqual([true]);
    expect(a.elector.remainingMs()).toBeGreaterThan(9_000);
  });

  test('when the wall clock is set back', async () => {
    const a = await leader('a');
    clock.jumpWall(-3_600_000);
    await clock.advance(30_000);
    expect(a.changes).toEqual([true]);
  });
});

describe('after a term', () => {
  test('no new one begins before the work has stopped, and a stuck work is told after two seconds', async () => {
    const work = Promise.withResolvers<void>();
    const stuck: number[] = [];
    const a = await leader('a', {
      workStopped: () => work.promise,
      onWorkStuck: () => stuck.push(clock.monotonicMs()),
    });
    const lostAtMs = clock.monotonicMs() + 2_000;
    lease.delete();
    await clock.advance(2_000);
    expect(a.elector.status().lastLoss).toBe('Deleted');
    await clock.advance(5_000);
    expect(stuck).toEqual([lostAtMs + 2_000, lostAtMs + 4_000]);
    expect(lease.stored).toBeNull();
    work.resolve();
    await clock.advance(2_400);
    expect(a.elector.isLeader()).toBe(true);
  });
});

describe('release', () => {
  test('frees the Lease, so that another leads at its next look', async () => {
    const a = await leader('a');
    const b = candidate('b');
    b.elector.start();
    await clock.advance(5_000);
    const signal = a.elector.termSignal();
    expect(await a.elector.release()).toBe(true);
    expect(signal?.reason).toMatchObject({ why: 'Released' });
    expect(lease.stored).toMatchObject({ holder: null, durationMs: 1_000 });
    await clock.advance(2_400);
    expect([a.elector.isLeader(), b.elector.isLeader()]).toEqual([false, true]);
    expect(lease.stored?.transitions).toBe(1);
  });

  test('waits for the work, which is told to stop first', async () => {
    const work = Promise.withResolvers<void>();
    const a = await leader('a', { workStopped: () => work.promise });
    const signal = a.elector.termSignal();
    const released = a.elector.release();
    await clock.advance(1_000);
    expect([signal?.aborted, lease.stored?.holder]).toEqual([true, 'a']);
    work.resolve();
    expect(await released).toBe(true);
    expect(lease.stored?.holder).toBeNull();
  });

  test('leaves the Lease to expire when the work does not stop', async () => {
    const work = Promise.withResolvers<void>();
    const a = await leader('a', { workStopped: () => work.promise });
    const released = a.elector.release();
    await clock.advance(2_000);
    expect(await released).toBe(false);
    expect(lease.stored?.holder).toBe('a');
    work.resolve();
  });

  test('by one who does not lead touches nothing', async () => {
    await leader('a');
    const b = candidate('b');
    b.elector.start();
    await clock.advance(1_000);
    expect(await b.elector.release()).toBe(true);
    expect(lease.stored?.holder).toBe('a');
  });

  test('is over soon when the API server is silent', async () => {
    const a = await leader('a');
    a.store.fault = () => 'Silence';
    const released = a.elector.release();
    await clock.advance(1_500);
    expect(await released).toBe(false);
  });
});

test('a missing right is told once, again when it changes, and ends nothing', async () => {
  const a = candidate('a');
  a.store.fault = () => refused;
  a.elector.start();
  await clock.advance(30_000);
  expect(a.observer.leaseProblems).toEqual([refused]);
  a.store.fault = () => away;
  await clock.advance(30_000);
  a.store.fault = () => null;
  await clock.advance(30_000);
  expect(a.observer.leaseProblems).toEqual([refused, away, null]);
  expect(a.elector.isLeader()).toBe(true);
});

test('a right to read without the right to write is told once as well', async () => {
  const a = candidate('a');
  a.store.fault = (verb) => (verb === 'read' ? null : refused);
  a.elector.start();
  await clock.advance(30_000);
  expect(a.observer.leaseProblems).toEqual([refused]);
});

test('a listener that throws keeps no other from hearing', async () => {
  const a = candidate('a');
  const heard: boolean[] = [];
  a.elector.onChange(() => {
    throw new Error('a bug');
  });
  a.elector.onChange((leading) => heard.push(leading));
  a.elector.start();
  await clock.advance(0);
  expect(heard).toEqual([true]);
  expect(a.observer.listenerFailures).toHaveLength(1);
});

test.each([
  [
    'renew deadline not below the lease duration',
    { leaseDurationMs: 10_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
  ],
  [
    'retry period too close to the renew deadline',
    { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 9_000 },
  ],
  ['no retry period', { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 0 }],
])('times that cannot be safe are refused: %s', (_, times) => {
  expect(() => new Elector({ ...partsOf(), times })).toThrow(RangeError);
});

function partsOf(): ElectorParts {
  const store = new FakeLeaseStore(lease, 'x');
  const observer = new RecordingObserver();
  const work = { workStopped: () => Promise.resolve(), onWorkStuck: () => {} };
  return { store, clock, random: () => 0, observer, identity: 'x', times: DEFAULT_LEASE_TIMES, ...work };
}
