/** What stands in the cluster, read as a person would read it, each with a deadline. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, vi } from 'vitest';
import { z } from 'zod';
import { parseDatabaseFailover } from '../../src/api/parse.ts';
import type { Condition, Status } from '../../src/api/status.ts';
import type { ApiObject } from './api.ts';
import type { Stage } from './operator-world.ts';

const WAIT = { timeout: 15_000, interval: 20 };

/** Retries the assertion until it holds, 15 s at most. */
export const eventually = <T>(assertion: () => Promise<T> | T, timeout = WAIT.timeout): Promise<T> =>
  vi.waitFor(assertion, { ...WAIT, timeout });

/** Asserts again and again that nothing changes. */
export async function throughout(ms: number, assertion: () => Promise<void>): Promise<void> {
  const endsAt = performance.now() + ms;
  do {
    await assertion();
    await sleep(20);
  } while (performance.now() < endsAt);
}

export async function statusOf(stage: Stage, name = 'orders'): Promise<Status> {
  const object = await stage.read('DatabaseFailover', name);
  const parsed = parseDatabaseFailover(object);
  if (!parsed.ok) throw new Error(`no DatabaseFailover ${name}: ${JSON.stringify(parsed.problems)}`);
  return parsed.status;
}

export async function conditionOf(stage: Stage, type: string, name = 'orders'): Promise<Condition | undefined> {
  return (await statusOf(stage, name)).conditions?.find((condition) => condition.type === type);
}

/** `expected` as `expect` matches it, e.g. `{ status: 'False', reason: 'ForeignEndpoints' }`. */
export function untilCondition(
  stage: Stage,
  type: string,
  expected: Readonly<Record<string, unknown>>,
  name = 'orders',
): Promise<Condition> {
  return eventually(async () => {
    const condition = await conditionOf(stage, type, name);
    expect(condition, JSON.stringify(condition)).toMatchObject(expected);
    if (condition === undefined) throw new Error(`no condition ${type}`);
    return condition;
  });
}

export const untilReady = (stage: Stage, name = 'orders') => untilCondition(stage, 'Ready', { status: 'True' }, name);

const sliceSchema = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    resourceVersion: z.string(),
    labels: z.record(z.string(), z.string()).default({}),
    annotations: z.record(z.string(), z.string()).default({}),
  }),
  addressType: z.string(),
  endpoints: z
    .array(z.looseObject({ addresses: z.array(z.string()), hostname: z.string().optional() }))
    .nullish()
    .transform((endpoints) => endpoints ?? []),
  ports: z.array(z.looseObject({ name: z.string().optional(), port: z.number() })).nullish(),
});
export type Slice = z.output<typeof sliceSchema>;
const sliceList = z.object({ items: z.array(sliceSchema) });

/** All slices that name the Service, foreign ones included, by name. */
export async function slicesOf(stage: Stage, service: string): Promise<readonly Slice[]> {
  const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
  const path = `/apis/discovery.k8s.io/v1/namespaces/${stage.namespace}/endpointslices?labelSelector=${selector}`;
  const { json } = await stage.api.raw('GET', path);
  return sliceList.parse(json).items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
}

/** Addresses behind the Service of one family, over all slices that name it. */
export async function behind(stage: Stage, service: string, family = 'IPv4'): Promise<readonly string[]> {
  const slices = await slicesOf(stage, service);
  return slices
    .filter(({ addressType }) => addressType === family)
    .flatMap(({ endpoints }) => endpoints.flatMap(({ addresses }) => addresses))
    .sort();
}

export function untilBehind(stage: Stage, service: string, addresses: readonly string[]): Promise<void> {
  return eventually(async () => expect(await behind(stage, service)).toEqual([...addresses].sort()));
}

const serviceSchema = z.looseObject({
  spec: z.looseObject({ clusterIPs: z.array(z.string()), ports: z.array(z.looseObject({ port: z.number() })) }),
});

export async function clusterIpOf(stage: Stage, service: string, family: 'IPv4' | 'IPv6' = 'IPv4') {
  const { spec } = serviceSchema.parse(await stage.read('Service', service));
  const host = spec.clusterIPs.find((ip) => ip.includes(':') === (family === 'IPv6'));
  if (host === undefined) throw new Error(`Service ${service} has no ${family} address`);
  return { host, port: spec.ports[0]?.port ?? 5432 };
}

/** The server that a new connection reaches, by its address; throws when it reaches none. */
export async function serverReached(target: {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
}): Promise<string> {
  return query(
    new pg.Client({ user: 'postgres', password: 'postgres', database: 'postgres', ssl: false, ...target, ...TIMES }),
  );
}

/** The same by a connection string. */
export const serverReachedBy = (uri: string): Promise<string> =>
  query(new pg.Client({ connectionString: uri, ...TIMES }));

const TIMES = { connectionTimeoutMillis: 1_000, query_timeout: 1_000 };

async function query(client: pg.Client): Promise<string> {
  client.on('error', () => {}); // the query tells
  try {
    await client.connect();
    const { rows } = await client.query<{ server: string }>('SELECT host(inet_server_addr()) AS server');
    return rows[0]?.server ?? '';
  } finally {
    client.connection.stream.destroy();
  }
}

/** Through the ClusterIP, once kube-proxy has taken up what is published. */
export function untilServed(
  stage: Stage,
  service: string,
  address: string,
  family: 'IPv4' | 'IPv6' = 'IPv4',
): Promise<void> {
  return eventually(async () => {
    expect(await serverReached(await clusterIpOf(stage, service, family))).toBe(address);
  });
}

const eventList = z.object({
  items: z.array(z.looseObject({ reason: z.string(), type: z.string(), note: z.string().default('') })),
});

export async function eventsOf(stage: Stage) {
  const { json } = await stage.api.raw('GET', `/apis/events.k8s.io/v1/namespaces/${stage.namespace}/events`);
  return eventList.parse(json).items;
}

/** Events are sent beside the work, not before it: one may come after the status that it tells of. */
export const untilEvents = (stage: Stage, ...reasons: readonly string[]): Promise<void> =>
  eventually(async () => {
    const seen = (await eventsOf(stage)).map(({ reason }) => reason);
    expect(seen).toEqual(expect.arrayContaining([...reasons]));
  });

/** Values of a ConfigMap as they are, of a Secret decoded; empty where there is none. */
export async function dataOf(stage: Stage, kind: 'ConfigMap' | 'Secret', name: string) {
  const object: ApiObject | null = await stage.read(kind, name);
  const data = z.record(z.string(), z.string()).parse(object?.data ?? {});
  if (kind === 'ConfigMap') return data;
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
  );
}
