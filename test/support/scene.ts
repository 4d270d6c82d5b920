/** A stage on which something happens to a group: everything that the operator publishes meanwhile is written down. */

import { startWriter, type Writer } from '../../hack/scenario/client.ts';
import type { PostgresGroup, PostgresMember } from '../../hack/world/postgres-group.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import type { RequestStatus } from '../../src/api/failover-request.ts';
import { parseDatabaseFailover, parseFailoverRequest } from '../../src/api/parse.ts';
import { API_VERSION, RESOURCES } from '../../src/api/resources.ts';
import type { Condition, HistoryEntry, Status } from '../../src/api/status.ts';
import type { WatchEvent } from '../../src/ports/kube.ts';
import type { ApiObject } from './api.ts';
import { Journal } from './journal.ts';
import { realKubeClient } from './kube-clients.ts';
import { APPLICATION } from './monitored-group.ts';
import { clusterIpOf } from './operator-views.ts';
import { openStage, ordersOf, type Stage } from './operator-world.ts';
import type { Edits } from './resources.ts';
import { type Routed, recordRoutes } from './route-journal.ts';

export const READ_WRITE = 'orders-rw';
export const READ_ONLY = 'orders-ro';
const WAIT_MS = 15_000;

export interface Scene {
  readonly stage: Stage;
  /** `orders` as it was made. */
  readonly resource: ApiObject;
  readonly statuses: Journal<Status>;
  readonly routes: Journal<Routed>;
  /** Resolves with the status once it passes; 15 s unless told. */
  until(what: string, check: (status: Status) => boolean, timeoutMs?: number): Promise<Status>;
  untilCondition(type: string, status: Condition['status'], reason: string, timeoutMs?: number): Promise<Condition>;
  /** Once the decision has this reason; resolves with its message. */
  untilDecision(reason: string, timeoutMs?: number): Promise<string>;
  /** Once `orders-rw` leads to this member (null: to nobody) and `orders-ro`, if given, to those. */
  untilRouted(readWrite: string | null, readOnly?: readonly string[], timeoutMs?: number): Promise<Routed>;
  /** Once the newest attempt on record is this one, and none is under way. */
  untilEpoch(epoch: number, timeoutMs?: number): Promise<HistoryEntry>;
  patchSpec(spec: Readonly<Record<string, unknown>>): Promise<void>;
  request(spec: Readonly<Record<string, unknown>>): Promise<RequestHandle>;
  /** An application that inserts a row every 10 ms through the ClusterIP of `orders-rw`. */
  startWriter(): Promise<Writer>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RequestHandle {
  readonly name: string;
  readonly statuses: Journal<RequestStatus>;
  finished(timeoutMs?: number): Promise<RequestStatus>;
  delete(): Promise<void>;
  exists(): Promise<boolean>;
}

/** The stage with the resource `orders` of the group in it. No operator runs yet. */
export async function openScene(group: Pick<PostgresGroup, 'members'>, edits: Edits = {}): Promise<Scene> {
  const stage = await openStage('orders');
  const { client } = realKubeClient(readWorld().kubeconfig);
  const statuses = new Journal<Status>(`status of ${stage.namespace}/orders`);
  client.watch(RESOURCES.databaseFailover, stage.namespace, {}, (event) => {
    for (const object of present(event)) {
      const parsed = parseDatabaseFailover(object);
      if (parsed.ok) statuses.add(parsed.status);
    }
  });
  const requests = requestJournals();
  client.watch(RESOURCES.failoverRequest, stage.namespace, {}, requests.note);
  const services = { readWrite: READ_WRITE, readOnly: READ_ONLY };
  const routes = recordRoutes(client, stage.namespace, services, namesByAddress(group.members));
  const resource = ordersOf(group, { ...edits, 'metadata.namespace': stage.namespace });
  await stage.apply(resource);
  const writers: Writer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(writers.map((writer) => writer.stop()));
    await stage.close();
    await client.close(0);
  };
  return {
    stage,
    resource,
    statuses,
    routes,
    ...waits(statuses, routes),
    patchSpec: async (spec) => void (await stage.patch(resource, { spec })),
    request: (spec) => requests.create(stage, spec),
    startWriter: async () => {
      const writer = startWriter(
        { ...(await clusterIpOf(stage, READ_WRITE)), database: 'postgres', ...APPLICATION },
        10,
      );
      writers.push(writer);
      return writer;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

type Waits = Pick<Scene, 'until' | 'untilCondition' | 'untilDecision' | 'untilRouted' | 'untilEpoch'>;

function waits(statuses: Journal<Status>, routes: Journal<Routed>): Waits {
  return {
    until: (what, check, timeoutMs = WAIT_MS) => statuses.until(what, check, timeoutMs),
    untilCondition: async (type, status, reason, timeoutMs = WAIT_MS) => {
      const find = ({ conditions = [] }: Status) =>
        conditions.find((one) => one.type === type && one.status === status && one.reason === reason);
      const found = find(
        await statuses.until(`${type}=${status}/${reason}`, (one) => find(one) !== undefined, timeoutMs),
      );
      if (found === undefined) throw new Error(`no condition ${type}`);
      return found;
    },
    untilDecision: async (reason, timeoutMs = WAIT_MS) => {
      const { decision } = await statuses.until(
        `decision ${reason}`,
        (status) => status.decision?.reason === reason,
        timeoutMs,
      );
      return decision?.message ?? '';
    },
    untilRouted: (readWrite, readOnly, timeoutMs = WAIT_MS) => {
      const writes = readWrite ?? '';
      const reads = readOnly === undefined ? null : [...readOnly].sort().join();
      return routes.until(
        `${READ_WRITE} leads to ${writes || 'nobody'}${reads === null ? '' : ` and ${READ_ONLY} to ${reads || 'nobody'}`}`,
        (routed) => routed.readWrite.join() === writes && (reads === null || routed.readOnly.join() === reads),
        timeoutMs,
      );
    },
    untilEpoch: async (epoch, timeoutMs = WAIT_MS) => {
      const { history } = await statuses.until(
        `epoch ${epoch} has ended`,
        (status) => status.attempt === undefined && status.history?.[0]?.epoch === epoch,
        timeoutMs,
      );
      const [entry] = history ?? [];
      if (entry === undefined) throw new Error('no history');
      return entry;
    },
  };
}

function requestJournals() {
  const journals = new Map<string, Journal<RequestStatus>>();
  const journalOf = (name: string): Journal<RequestStatus> => {
    const journal = journals.get(name) ?? new Journal<RequestStatus>(`FailoverRequest ${name}`);
    journals.set(name, journal);
    return journal;
  };
  return {
    note: (event: WatchEvent): void => {
      for (const object of present(event)) {
        const parsed = parseFailoverRequest(object);
        if (parsed.ok) journalOf(object.metadata.name ?? '').add(parsed.status);
      }
    },
    create: async (stage: Stage, spec: Readonly<Record<string, unknown>>): Promise<RequestHandle> => {
      const name = `request-${journals.size + 1}`;
      const statuses = journalOf(name);
      await stage.apply({
        apiVersion: API_VERSION,
        kind: 'FailoverRequest',
        metadata: { name },
        spec: { databaseFailover: 'orders', ...spec },
      });
      return {
        name,
        statuses,
        finished: (timeoutMs = WAIT_MS) =>
          statuses.until('finished', (status) => status.finishedAt !== undefined, timeoutMs),
        delete: () => stage.remove('FailoverRequest', name),
        exists: async () => (await stage.read('FailoverRequest', name)) !== null,
      };
    },
  };
}

function present(event: WatchEvent) {
  if (event.type === 'Synced') return event.objects;
  return event.type === 'Changed' ? [event.object] : [];
}

export function namesByAddress(members: readonly PostgresMember[]): ReadonlyMap<string, string> {
  return new Map(
    members.flatMap(({ name, address, address6 }) => [[address, name] as const, [address6, name] as const]),
  );
}
