/**
 * A whole world without sockets: the real controller over a fake cluster, fake servers and a clock that the test moves.
 * Everything in it is deterministic.
 */

import type { RouteTarget } from '../../src/api/decision.ts';
import type { RequestStatus } from '../../src/api/failover-request.ts';
import { parseDatabaseFailover, parseFailoverRequest } from '../../src/api/parse.ts';
import { EPOCH_ANNOTATION, PRIMARY_ANNOTATION, RESOURCES } from '../../src/api/resources.ts';
import type { Condition, Status } from '../../src/api/status.ts';
import { type Controller, createController } from '../../src/controller/controller.ts';
import { createPublisher } from '../../src/controller/publisher.ts';
import type { KubeObject, Leadership } from '../../src/ports/kube.ts';
import type { Log, LogFields, Telemetry } from '../../src/ports/telemetry.ts';
import { FakeClock, settle } from './fake-clock.ts';
import { FakeCluster } from './fake-cluster.ts';
import { FakeKube } from './fake-kube.ts';
import { FakeMembers, FakeServer } from './fake-members.ts';
import { type Edits, edited } from './resources.ts';

export const NAMESPACE = 'shop';
export const ORDERS = { namespace: NAMESPACE, name: 'orders' };

/** Whether this process leads is what the test says. */
export class FakeLeadership implements Leadership {
  leftMs = 10_000;
  #term: AbortController | null = null;
  readonly #listeners: ((leading: boolean) => void)[] = [];

  win(): void {
    this.#term = new AbortController();
    for (const listener of this.#listeners) listener(true);
  }

  lose(): void {
    this.#term?.abort(new Error('leadership lost'));
    this.#term = null;
    for (const listener of this.#listeners) listener(false);
  }

  isLeader(): boolean {
    return this.#term !== null;
  }

  remainingMs(): number {
    return this.#term === null ? 0 : this.leftMs;
  }

  termSignal(): AbortSignal | null {
    return this.#term?.signal ?? null;
  }

  onChange(listener: (leading: boolean) => void): void {
    this.#listeners.push(listener);
  }
}

/** One operator process. */
export interface Replica {
  readonly controller: Controller;
  readonly kube: FakeKube;
  readonly leadership: FakeLeadership;
  readonly members: FakeMembers;
  readonly logged: { readonly fields: LogFields; readonly message: string }[];
  /** Rules that it told its metrics of, in order. */
  readonly decided: number[];
  /** Conditions that its metrics show, by `namespace/name`. */
  readonly measured: ReadonlyMap<string, readonly Condition[]>;
  /** Where its metrics say that the routes of `orders` lead. */
  readonly told: () => RouteTarget | null;
  /** SIGKILL: whatever it was about to do does not happen. */
  crash(): void;
}

/** What the read-write and the read-only Service lead to, by the names of the servers behind the addresses. */
export interface Published {
  readonly readWrite: readonly string[];
  readonly readOnly: readonly string[];
  readonly epoch: number;
  /** As the read-write slice says itself. */
  readonly primary: string;
}

export interface World {
  readonly clock: FakeClock;
  readonly cluster: FakeCluster;
  /** By name; the first is the primary, the others stream from it. */
  server(name: string): FakeServer;
  /** A process that looks at the members; it leads unless told otherwise. */
  start(options?: { readonly leading?: boolean }): Replica;
  status(): Status;
  condition(type: string): Condition | undefined;
  published(): Published;
  /** All that was ever published, in order, one entry per change. */
  history(): readonly Published[];
  patchSpec(spec: Readonly<Record<string, unknown>>): void;
  request(name: string, spec: Readonly<Record<string, unknown>>): void;
  requestStatus(name: string): RequestStatus | null;
  /** Moves time in small steps until the check holds; throws when it does not within `ms`. */
  until(what: string, check: () => boolean, ms?: number): Promise<void>;
  run(ms: number): Promise<void>;
}

export interface WorldOptions {
  readonly members?: readonly string[];
  /** Of the resource, by path. */
  readonly edits?: Edits;
}

export function createWorld({ members: names = ['a', 'b', 'c'], edits = {} }: WorldOptions = {}): World {
  const clock = new FakeClock();
  const cluster = new FakeCluster();
  const [first] = names;
  const servers = names.map((name, index) => new FakeServer(name, `192.0.2.${index + 1}`, name === first));
  for (const server of servers.slice(1)) if (servers[0] !== undefined) server.follow(servers[0]);
  cluster.put(RESOURCES.secret, loginSecret());
  cluster.put(RESOURCES.databaseFailover, ordersOf(servers, edits));
  const resource = (): KubeObject => {
    const object = cluster.read(RESOURCES.databaseFailover, ORDERS);
    if (object === null) throw new Error('the resource is gone');
    return object;
  };
  const status = (): Status => {
    const parsed = parseDatabaseFailover(resource());
    if (!parsed.ok) throw new Error(`invalid: ${JSON.stringify(parsed.problems)}`);
    return parsed.status;
  };
  const run = async (ms: number): Promise<void> => {
    await clock.advance(ms);
    await settle(6);
  };
  return {
    clock,
    cluster,
    server: (name) => {
      const server = servers.find((candidate) => candidate.name === name);
      if (server === undefined) throw new Error(`no server ${name}`);
      return server;
    },
    start: ({ leading = true } = {}) => startReplica(clock, cluster, servers, leading),
    status,
    condition: (type) => status().conditions?.find((one) => one.type === type),
    published: () => publishedIn(slicesOf(cluster.list(RESOURCES.endpointSlice, NAMESPACE, undefined)), servers),
    history: () => publishedHistory(cluster, servers),
    patchSpec: (spec) => {
      const { apiVersion, kind, metadata } = resource();
      cluster.put(RESOURCES.databaseFailover, { apiVersion, kind, metadata, spec });
    },
    request: (name, spec) => {
      const metadata = { namespace: NAMESPACE, name };
      const object = { apiVersion: 'dbfailover.dev/v1alpha1', kind: 'FailoverRequest', metadata };
      cluster.put(RESOURCES.failoverRequest, { ...object, spec: { databaseFailover: 'orders', ...spec } });
    },
    requestStatus: (name) => {
      const object = cluster.read(RESOURCES.failoverRequest, { namespace: NAMESPACE, name });
      const parsed = object === null ? null : parseFailoverRequest(object);
      return parsed?.ok === true ? parsed.status : null;
    },
    until: async (what, check, ms = 20_000) => {
      for (let waitedMs = 0; !check(); waitedMs += 20) {
        if (waitedMs >= ms) throw new Error(`not within ${ms} ms: ${what}; ${JSON.stringify(status())}`);
        await run(20);
      }
    },
    run,
  };
}

function startReplica(
  clock: FakeClock,
  cluster: FakeCluster,
  servers: readonly FakeServer[],
  leading: boolean,
): Replica {
  const kube = new FakeKube(cluster);
  const leadership = new FakeLeadership();
  const members = new FakeMembers(clock, servers);
  const logged: Replica['logged'] = [];
  const decided: number[] = [];
  const measured = new Map<string, readonly Condition[]>();
  let told: RouteTarget | null = null;
  if (leading) leadership.win();
  const controller = createController({
    namespaces: [NAMESPACE],
    env: {
      clock,
      random: () => 0.5,
      kube,
      leadership,
      connector: members,
      resolver: {
        resolve: async (host) => ({
          addresses: [{ family: 'IPv4', address: host }],
          fresh: true,
          problem: null,
          denied: [],
        }),
      },
      publisher: createPublisher(kube, 'cluster.local'),
      telemetry: {
        ...silentTelemetry,
        judged: (_key, _settings, _views, published) => {
          told = published;
        },
        decided: (_key, { rule }) => void decided.push(rule),
        reported: ({ namespace, name }, conditions) => void measured.set(`${namespace}/${name}`, conditions),
        forget: ({ namespace, name }) => void measured.delete(`${namespace}/${name}`),
      },
      log: logInto(logged),
      region: null,
      resyncMs: 300_000,
    },
  });
  controller.start();
  return {
    controller,
    kube,
    leadership,
    members,
    logged,
    decided,
    measured,
    told: () => told,
    crash: () => {
      kube.cutOff();
      leadership.lose();
      void controller.stop();
    },
  };
}

function logInto(logged: Replica['logged']): Log {
  const note = (fields: LogFields, message: string) => void logged.push({ fields, message });
  return { debug: note, info: note, warn: note, error: note };
}

const nothing = (): void => {};
const silentTelemetry: Telemetry = {
  looked: nothing,
  judged: nothing,
  decided: nothing,
  routeCompared: nothing,
  retried: nothing,
  reconciled: nothing,
  statusWritten: nothing,
  reported: nothing,
  forget: nothing,
};

function loginSecret(): KubeObject {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: NAMESPACE, name: 'orders-monitor' },
    data: { username: base64('monitor'), password: base64('Passw0rd') },
  };
}

function ordersOf(servers: readonly FakeServer[], edits: Edits): KubeObject {
  const object: KubeObject = {
    apiVersion: 'dbfailover.dev/v1alpha1',
    kind: 'DatabaseFailover',
    metadata: ORDERS,
    spec: {
      mode: 'Follow',
      members: servers.map(({ name, address }) => ({ name, host: address })),
      credentials: { monitor: { secretRef: { name: 'orders-monitor' } } },
      tls: { mode: 'Disable' },
      routes: { readWrite: { service: 'orders-rw' }, readOnly: { service: 'orders-ro' } },
    },
  };
  return edited(object, edits);
}

interface Slice {
  readonly service: string;
  readonly addresses: readonly string[];
  readonly epoch: number;
  readonly primary: string;
}

function slicesOf(objects: readonly KubeObject[]): readonly Slice[] {
  return objects.map(({ metadata: { labels = {}, annotations = {} }, endpoints }) => ({
    service: labels['kubernetes.io/service-name'] ?? '',
    addresses: Array.isArray(endpoints)
      ? endpoints.flatMap((one: { readonly addresses: readonly string[] }) => one.addresses)
      : [],
    epoch: Number(annotations[EPOCH_ANNOTATION] ?? '0'),
    primary: annotations[PRIMARY_ANNOTATION] ?? '',
  }));
}

function publishedIn(slices: readonly Slice[], servers: readonly FakeServer[]): Published {
  const named = (address: string) => servers.find((server) => server.address === address)?.name ?? address;
  const behind = (service: string) =>
    slices.filter((slice) => slice.service === service).flatMap(({ addresses }) => addresses.map(named));
  return {
    readWrite: behind('orders-rw'),
    readOnly: behind('orders-ro'),
    epoch: Math.max(0, ...slices.map(({ epoch }) => epoch)),
    primary: slices.find(({ service }) => service === 'orders-rw')?.primary ?? '',
  };
}

function publishedHistory(cluster: FakeCluster, servers: readonly FakeServer[]): readonly Published[] {
  const current = new Map<string, KubeObject>();
  return cluster.changes
    .filter(({ key }) => key.startsWith('endpointslices/'))
    .map(({ key, object }) => {
      if (object === null) current.delete(key);
      else current.set(key, object);
      return publishedIn(slicesOf([...current.values()]), servers);
    });
}
