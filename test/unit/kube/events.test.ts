import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { truncateBytes } from '../../../src/kube/event-objects.ts';
import { EventRecorder } from '../../../src/kube/events.ts';
import { KubeError, type KubeEvent, type KubeObject } from '../../../src/ports/kube.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';
import { RecordingObserver } from '../../support/recording-observer.ts';

const object = (name: string): KubeObject => ({
  apiVersion: 'dbfailover.dev/v1alpha1',
  kind: 'DatabaseFailover',
  metadata: { name, namespace: 'shop', uid: `uid-${name}`, resourceVersion: '5' },
});
const event = (fields: Partial<KubeEvent> = {}): KubeEvent => ({
  regarding: object('orders'),
  type: 'Warning',
  reason: 'PrimaryDown',
  action: 'Observe',
  note: 'frankfurt refuses connections',
  ...fields,
});

let clock: FakeClock;
let observer: RecordingObserver;
let created: { readonly namespace: string; readonly object: KubeObject }[];
let patched: unknown[];
let failure: () => KubeError | null;
let recorder: EventRecorder;

beforeEach(() => {
  clock = new FakeClock();
  observer = new RecordingObserver();
  created = [];
  patched = [];
  failure = () => null;
  const answer = async (act: () => void): Promise<KubeObject> => {
    const error = failure();
    if (error !== null) throw error;
    act();
    return object('stored');
  };
  recorder = new EventRecorder({
    client: {
      create: (_, namespace, stored) => answer(() => created.push({ namespace, object: stored })),
      mergePatch: (_, key, patch) => answer(() => patched.push({ key, patch })),
    },
    clock,
    random: () => 0.25,
    observer,
    instance: 'operator-0',
  });
});

afterEach(async () => {
  await recorder.flush(0);
  expect(clock.pending).toBe(0);
});

test('an event is written with everything that the API server asks for', async () => {
  recorder.record(event());
  await settle();
  expect(created).toEqual([
    {
      namespace: 'shop',
      object: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: {
          name: `orders.${clock.now().toString(16)}4000`,
          namespace: 'shop',
          labels: { 'app.kubernetes.io/managed-by': 'database-failover-operator' },
        },
        eventTime: '2026-03-01T12:00:00.000000Z',
        reportingController: 'dbfailover.dev/database-failover-operator',
        reportingInstance: 'operator-0',
        regarding: {
          apiVersion: 'dbfailover.dev/v1alpha1',
          kind: 'DatabaseFailover',
          namespace: 'shop',
          name: 'orders',
          uid: 'uid-orders',
          resourceVersion: '5',
        },
        type: 'Warning',
        reason: 'PrimaryDown',
        action: 'Observe',
        note: 'frankfurt refuses connections',
      },
    },
  ]);
});

describe('the same event again', () => {
  test('becomes a series: told at once that it repeats, then at most every ten seconds', async () => {
    recorder.record(event());
    await settle();
    recorder.record(event());
    await clock.advance(0);
    expect(patched).toMatchObject([
      { patch: { series: { count: 2, lastObservedTime: '2026-03-01T12:00:00.000000Z' } } },
    ]);
    for (let second = 0; second < 30; second += 1) {
      recorder.record(event());
      await clock.advance(1_000);
    }
    expect(created).toHaveLength(1);
    expect(patched.length).toBeLessThanOrEqual(4);
    await clock.advance(10_000);
    expect(patched.at(-1)).toMatchObject({ patch: { series: { count: 32 } } });
  });

  test('while the first is still on its way is counted into it', async () => {
    recorder.record(event());
    recorder.record(event());
    recorder.record(event());
    await clock.advance(0);
    expect(created).toHaveLength(1);
    expect(patched.at(-1)).toMatchObject({ patch: { series: { count: 3 } } });
  });

  test('six minutes later is a new one', async () => {
    recorder.record(event());
    await clock.advance(360_000);
    recorder.record(event());
    await settle();
    expect(created).toHaveLength(2);
  });

  test.each([
    ['about another object', { regarding: object('billing') }],
    ['for another reason', { reason: 'PrimaryHealthy' }],
    ['with another note', { note: 'virginia refuses connections' }],
    ['of another type', { type: 'Normal' as const }],
  ])('%s is another event', async (_, difference) => {
    recorder.record(event());
    recorder.record(event(difference));
    await settle();
    expect(created).toHaveLength(2);
  });
});

describe('failures', () => {
  test('are retried twice, in the background', async () => {
    const errors = [new KubeError('Unavailable', 'no'), new KubeError('Unavailable', 'no')];
    failure = () => errors.shift() ?? null;
    recorder.record(event());
    await clock.advance(4_000);
    expect(created).toHaveLength(1);
    expect(observer.lost).toEqual([]);
  });

  test('that last are reported, and the next occurrence begins anew', async () => {
    failure = () => new KubeError('Unavailable', 'no route');
    recorder.record(event());
    await clock.advance(10_000);
    expect(observer.lost).toEqual([
      { reason: 'PrimaryDown', object: 'shop/orders', why: 'Failed', message: 'no route' },
    ]);
    failure = () => null;
    recorder.record(event());
    await settle();
    expect(created).toHaveLength(1);
  });

  test('that cannot heal are not retried', async () => {
    const attempts: number[] = [];
    failure = () => {
      attempts.push(clock.monotonicMs());
      return new KubeError('Forbidden', 'the namespace is being terminated', 403);
    };
    recorder.record(event());
    await clock.advance(60_000);
    expect(attempts).toHaveLength(1);
    expect(observer.lost).toHaveLength(1);
  });

  test('a first attempt whose answer was lost counts as written', async () => {
    const errors = [new KubeError('Unavailable', 'reset'), new KubeError('AlreadyExists', 'already exists', 409)];
    failure = () => errors.shift() ?? null;
    recorder.record(event());
    await clock.advance(4_000);
    recorder.record(event());
    await clock.advance(0);
    expect([created.length, patched.length, observer.lost.length]).toEqual([0, 1, 0]);
  });
});

describe('limits', () => {
  test('one object gets 25 at once, then one each 30 s; others are not affected', async () => {
    for (let index = 0; index < 40; index += 1) recorder.record(event({ note: `note ${index}` }));
    recorder.record(event({ regarding: object('billing') }));
    await settle(60);
    expect(created).toHaveLength(26);
    expect(observer.lost).toHaveLength(15);
    expect(observer.lost[0]).toMatchObject({ why: 'RateLimited' });
    await clock.advance(30_000);
    recorder.record(event({ note: 'later' }));
    await settle();
    expect(created).toHaveLength(27);
  });

  test('a hundred objects at once exhaust the common bucket, which refills ten times a second', async () => {
    for (let index = 0; index < 150; index += 1) recorder.record(event({ regarding: object(`db-${index}`) }));
    await settle(200);
    expect(created).toHaveLength(100);
    await clock.advance(1_000);
    for (let index = 200; index < 220; index += 1) recorder.record(event({ regarding: object(`db-${index}`) }));
    await settle(60);
    expect(created).toHaveLength(110);
  });

  test('while nothing can be written at most 200 wait, and the oldest go first', async () => {
    failure = () => new KubeError('Unavailable', 'away');
    for (let index = 0; index < 300; index += 1) {
      recorder.record(event({ regarding: object(`db-${index}`) }));
      await clock.advance(100);
    }
    expect(observer.lost.some((lost) => lost.why === 'Overflow')).toBe(true);
    failure = () => null;
    await clock.advance(60_000);
    expect(created.length).toBeGreaterThanOrEqual(190);
    expect(created.length).toBeLessThanOrEqual(201);
  });

  test('notes are cut at 1024 bytes without breaking a character', () => {
    expect(truncateBytes('short', 1_024)).toBe('short');
    for (const text of ['a'.repeat(2_000), '€'.repeat(2_000), '😀'.repeat(2_000)]) {
      const cut = truncateBytes(text, 1_024);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_024);
      expect(Buffer.byteLength(cut)).toBeGreaterThan(1_016);
      expect(text.startsWith(cut.slice(0, -1))).toBe(true);
    }
  });
});

describe('flush', () => {
  test('writes the counts that are outstanding', async () => {
    recorder.record(event());
    await settle();
    recorder.record(event());
    await clock.advance(0);
    recorder.record(event());
    await recorder.flush(1_000);
    expect(patched.at(-1)).toMatchObject({ patch: { series: { count: 3 } } });
  });

  test('ends at its deadline although the API server is away, and nothing is recorded afterwards', async () => {
    failure = () => new KubeError('Unavailable', 'away');
    recorder.record(event());
    const flushed = recorder.flush(2_000);
    await clock.advance(2_000);
    await flushed;
    failure = () => null;
    recorder.record(event({ note: 'too late' }));
    await clock.advance(10_000);
    expect(created).toEqual([]);
  });
});
