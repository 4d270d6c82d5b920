import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { KubeClient } from '../../../src/kube/kube-client.ts';
import type { WatchInterruption } from '../../../src/kube/kube-observer.ts';
import type { WatchEvent, WatchHandle } from '../../../src/ports/kube.ts';
import { FakeApiServer, type ServedWatch } from '../../support/fake-api-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { RecordingObserver } from '../../support/recording-observer.ts';

const SLICES = '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices';

let server: FakeApiServer;
let clock: FakeClock;
let observer: RecordingObserver;
let client: KubeClient;
let events: WatchEvent[];

beforeEach(async () => {
  server = await FakeApiServer.start();
  clock = new FakeClock();
  observer = new RecordingObserver();
  events = [];
  client = new KubeClient({
    load: () => server.kubeConfig(),
    clock,
    random: () => 0.5,
    observer,
    userAgent: 'tester/1.0',
    instance: 'tester',
  });
});

afterEach(async () => {
  await client.close(0);
  await server.close();
});

function start(listener: (event: WatchEvent) => void = (event) => void events.push(event)): WatchHandle {
  return client.watch(RESOURCES.endpointSlice, 'shop', {}, listener);
}

/** The watch number `count`, once both sides have it open: the client then waits for 90 s of silence. */
async function served(count: number): Promise<ServedWatch> {
  return await vi.waitFor(() => {
    const watch = server.watches[count - 1];
    if (watch === undefined) throw new Error(`watch ${count} is not open yet`);
    expect(clock.waits).toContain(90_000);
    return watch;
  });
}

async function interrupted(count: number): Promise<WatchInterruption> {
  return await vi.waitFor(() => {
    const interruption = observer.interruptions[count - 1];
    if (interruption === undefined) throw new Error(`no interruption ${count} yet`);
    return interruption;
  });
}

/** Bookmarks as a real API server sends them, one a minute. */
async function keepAlive(handle: WatchHandle, watch: ServedWatch, minutes: number): Promise<void> {
  for (let minute = 0; minute < minutes; minute += 1) {
    await clock.advance(1);
    watch.bookmark(`${4_000 + minute}`);
    await vi.waitFor(() => expect(handle.health().lastEventAtMs).toBe(clock.monotonicMs()));
    await clock.advance(60_000);
  }
}

const received = (count: number): Promise<void> => vi.waitFor(() => expect(events).toHaveLength(count));
const namesOf = (event: WatchEvent | undefined): unknown =>
  event?.type === 'Synced' ? event.objects.map((object) => object.metadata.name) : event?.object.metadata.name;

test('it lists, then watches from the version of the list, asking for bookmarks and an end', async () => {
  const stored = server.put(SLICES, 'a');
  const handle = start();
  const watch = await served(1);
  expect(events).toMatchObject([{ type: 'Synced', objects: [{ kind: 'EndpointSlice', metadata: { name: 'a' } }] }]);
  expect(handle.health()).toMatchObject({ synced: true, restarts: 0 });
  expect(Object.fromEntries(watch.query)).toEqual({
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: stored.metadata.resourceVersion,
    timeoutSeconds: '450',
  });
});

test('a list of more than 500 objects comes in pages and as one', async () => {
  for (let index = 0; index < 1_200; index += 1) server.put(SLICES, `slice-${index}`);
  start();
  await received(1);
  expect(namesOf(events[0])).toHaveLength(1_200);
  expect(server.seen('list').map((request) => request.query.get('limit'))).toEqual(['500', '500', '500']);
});

test('pages that expired meanwhile are fetched as one list', async () => {
  for (let index = 0; index < 600; index += 1) server.put(SLICES, `slice-${index}`);
  server.fail('list', { kind: 'Status', status: 410 });
  start();
  await received(1);
  expect(namesOf(events[0])).toHaveLength(600);
  expect(server.seen('list').at(-1)?.query.get('limit')).toBeNull();
});

test('events arrive in order, whole, however the bytes are cut', async () => {
  start();
  const watch = await served(1);
  const object = { kind: 'EndpointSlice', unknownField: 'ü€', metadata: { name: 'a', resourceVersion: '7' } };
  const bytes = Buffer.from(
    `${JSON.stringify({ type: 'ADDED', object })}\n\n${JSON.stringify({ type: 'DELETED', object })}\n`,
  );
  for (const byte of bytes) watch.raw(Buffer.from([byte]));
  await received(3);
  expect(events.slice(1)).toMatchObject([
    { type: 'Changed', object },
    { type: 'Deleted', object },
  ]);
});

describe('it resumes from the last version that it saw', () => {
  test.each([
    ['after a reset', (watch: ServedWatch) => watch.reset(), 'Failed'],
    ['after a clean close', (watch: ServedWatch) => watch.end(), 'Closed'],
  ] as const)('%s', async (_, end, why) => {
    const handle = start();
    const watch = await served(1);
    watch.event('ADDED', { metadata: { name: 'a', resourceVersion: '555' } });
    watch.bookmark('777');
    const before = clock.monotonicMs();
    await clock.advance(1);
    await received(2);
    end(watch);
    const interruption = await interrupted(1);
    expect(interruption).toMatchObject({ why, resource: 'endpointslices', namespace: 'shop' });
    await clock.advance(interruption.retryInMs);
    expect((await served(2)).query.get('resourceVersion')).toBe('777');
    expect(server.seen('list')).toHaveLength(1);
    expect(handle.health().restarts).toBe(1);
    expect(handle.health().lastEventAtMs).toBeGreaterThanOrEqual(before);
  });

  test.each([403, 500, 503])('after being refused with %i', async (status) => {
    server.fail('watch', { kind: 'Status', status, message: 'not now' });
    start();
    const interruption = await interrupted(1);
    expect(interruption).toMatchObject({ why: 'Failed', message: 'not now' });
    await clock.advance(interruption.retryInMs);
    await served(1);
    expect(server.seen('list')).toHaveLength(1);
  });

  test('after 90 seconds without a byte', async () => {
    const handle = start();
    const watch = await served(1);
    await clock.advance(1_000);
    watch.bookmark('777');
    await vi.waitFor(() => expect(handle.health().lastEventAtMs).toBe(clock.monotonicMs()));
    await clock.advance(89_999);
    expect(observer.interruptions).toHaveLength(0);
    await clock.advance(1);
    const interruption = await interrupted(1);
    expect(interruption.why).toBe('Silent');
    await clock.advance(interruption.retryInMs);
    expect((await served(2)).query.get('resourceVersion')).toBe('777');
    await vi.waitFor(() => expect(watch.open).toBe(false));
  });

  test('after a watch request that is never answered', async () => {
    server.fail('watch', { kind: 'Silence' });
    start();
    await vi.waitFor(() => expect(server.seen('watch')).toHaveLength(1));
    await clock.advance(10_000);
    const interruption = await interrupted(1);
    expect(interruption.why).toBe('Failed');
    await clock.advance(interruption.retryInMs);
    await served(1);
  });
});

describe('it lists again', () => {
  test.each([
    ['after a 410 event', (watch: ServedWatch) => watch.error(410, 'Expired'), 'Gone'],
    ['after another error event', (watch: ServedWatch) => watch.error(500, 'InternalError'), 'Failed'],
    ['after a line that is no JSON', (watch: ServedWatch) => watch.raw('{"type":"ADDED",\n'), 'Malformed'],
    [
      'after an object without a name',
      (watch: ServedWatch) => watch.raw('{"type":"ADDED","object":{}}\n'),
      'Malformed',
    ],
  ] as const)('%s', async (_, end, why) => {
    server.put(SLICES, 'a');
    start();
    end(await served(1));
    const interruption = await interrupted(1);
    expect(interruption.why).toBe(why);
    const stored = server.put(SLICES, 'b');
    await clock.advance(interruption.retryInMs);
    expect((await served(2)).query.get('resourceVersion')).toBe(stored.metadata.resourceVersion);
    expect(events.map(namesOf)).toEqual([['a'], ['a', 'b']]);
  });

  test('when the watch request itself is answered with 410', async () => {
    server.fail('watch', { kind: 'Status', status: 410, reason: 'Expired' });
    start();
    const interruption = await interrupted(1);
    expect(interruption.why).toBe('Gone');
    await clock.advance(interruption.retryInMs);
    await served(1);
    expect(server.seen('list')).toHaveLength(2);
  });

  test('every five to ten minutes although nothing is wrong', async () => {
    const handle = start();
    const watch = await served(1);
    server.put(SLICES, 'missed-by-the-watch');
    await keepAlive(handle, watch, 7);
    expect(server.seen('list')).toHaveLength(1);
    await clock.advance(30_000);
    await served(2);
    expect(namesOf(events.at(-1))).toEqual(['missed-by-the-watch']);
    expect(observer.interruptions).toHaveLength(0);
  });

  test('but keeps watching when the periodic list fails', async () => {
    const handle = start();
    await keepAlive(handle, await served(1), 7);
    server.fail('list', { kind: 'Status', status: 500, message: 'etcd is away' });
    await clock.advance(30_000);
    const watch = await served(2);
    expect(await interrupted(1)).toMatchObject({ why: 'Failed', message: 'etcd is away', retryInMs: 0 });
    watch.event('ADDED', { metadata: { name: 'late', resourceVersion: '5000' } });
    await vi.waitFor(() => expect(namesOf(events.at(-1))).toBe('late'));
    await keepAlive(handle, watch, 1);
    await vi.waitFor(() => expect(server.seen('list')).toHaveLength(3));
  });
});

describe('the pause between attempts', () => {
  test('doubles from 0.2 to 30 seconds while nothing works, without ever giving up', async () => {
    server.fail('list', { kind: 'Reset' }, 12);
    const handle = start();
    for (let attempt = 1; attempt <= 12; attempt += 1) await clock.advance((await interrupted(attempt)).retryInMs);
    await served(1);
    const pauses = observer.interruptions.map((interruption) => interruption.retryInMs);
    expect(pauses.slice(0, 4)).toEqual([150, 300, 600, 1_200]);
    expect(Math.max(...pauses)).toBe(22_500);
    expect(handle.health().synced).toBe(true);
  });

  test.each([
    ['an event', (watch: ServedWatch) => watch.event('ADDED', { metadata: { name: 'a', resourceVersion: '5' } })],
    ['a bookmark', (watch: ServedWatch) => watch.bookmark('5')],
  ])('starts anew after %s', async (_, sign) => {
    server.fail('watch', { kind: 'Status', status: 500 }, 5);
    const handle = start();
    for (let attempt = 1; attempt <= 5; attempt += 1) await clock.advance((await interrupted(attempt)).retryInMs);
    const watch = await served(1);
    await clock.advance(1);
    sign(watch);
    await vi.waitFor(() => expect(handle.health().lastEventAtMs).toBe(clock.monotonicMs()));
    watch.reset();
    expect((await interrupted(6)).retryInMs).toBe(150);
  });

  test('does not grow for a quiet watch that the API server ends now and then', async () => {
    start();
    for (let round = 1; round <= 4; round += 1) {
      const watch = await served(round);
      await clock.advance(60_000);
      watch.end();
      const { retryInMs } = await interrupted(round);
      expect(retryInMs).toBe(150);
      await clock.advance(retryInMs);
    }
  });
});

describe('a listener that fails is reported and harms nothing', () => {
  test.each([
    [
      'when it throws',
      (event: WatchEvent) => {
        events.push(event);
        throw new Error('a bug');
      },
    ],
    [
      'when it is async and rejects',
      async (event: WatchEvent) => {
        events.push(event);
        throw new Error('a bug');
      },
    ],
  ])('%s', async (_, listener) => {
    start(listener);
    const watch = await served(1);
    watch.event('ADDED', { metadata: { name: 'a', resourceVersion: '5' } });
    watch.event('DELETED', { metadata: { name: 'a', resourceVersion: '6' } });
    await vi.waitFor(() => expect(observer.listenerFailures).toHaveLength(3));
    expect(events.map((event) => event.type)).toEqual(['Synced', 'Changed', 'Deleted']);
    expect(observer.interruptions).toHaveLength(0);
  });
});

describe('stop', () => {
  test('during the list opens no watch and says nothing any more', async () => {
    server.fail('list', { kind: 'Silence' });
    const handle = start();
    await vi.waitFor(() => expect(server.seen('list')).toHaveLength(1));
    handle.stop();
    await clock.advance(60_000);
    expect(server.seen('watch')).toHaveLength(0);
    expect([events, observer.interruptions, clock.pending]).toEqual([[], [], 0]);
  });

  test('closes the open watch and opens no other', async () => {
    const handle = start();
    const watch = await served(1);
    handle.stop();
    await vi.waitFor(() => expect(watch.open).toBe(false));
    await clock.advance(600_000);
    expect(server.watches).toHaveLength(1);
    expect([observer.interruptions, clock.pending]).toEqual([[], 0]);
  });

  test('ends a pause', async () => {
    server.fail('list', { kind: 'Status', status: 500 });
    const handle = start();
    await interrupted(1);
    handle.stop();
    await clock.advance(60_000);
    expect(server.seen('list')).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
