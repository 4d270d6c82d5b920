/** A namespace with the operator's own rights, the operator in it, and what a person would see there. */
import type { PostgresGroup } from '../../hack/world/postgres-group.ts';
import { worldControl } from '../../hack/world/world-control.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import type { SpecInput } from '../../src/api/database-failover.ts';
import { API_VERSION } from '../../src/api/resources.ts';
import type { Config } from '../../src/config.ts';
import { DEFAULT_DENIED_CIDRS } from '../../src/flags.ts';
import { startOperator } from '../../src/operator.ts';
import type { Log, LogFields } from '../../src/ports/telemetry.ts';
import { type ApiObject, connect, type TestApi } from './api.ts';
import { freshNamespace, installCrds } from './crds.ts';
import { operatorAccess } from './operator-role.ts';
import { type Edits, edited } from './resources.ts';

/** Where in-process operators listen; each takes a free port. */
const LISTEN_HOST = '10.77.0.1';
export const MONITOR = { username: 'monitor', password: 'm0n1t0r-Passw0rd' } as const;
export const MONITOR_SECRET = 'orders-monitor';

/** About the shortest lease under which an attempt may begin. */
export const SHORT_LEASE = { leaseDurationMs: 5_000, renewDeadlineMs: 3_500, retryPeriodMs: 300 } as const;

/** One installation's surroundings: a namespace of its own, made anew for each test that needs it. */
export interface Stage {
  readonly api: TestApi;
  readonly namespace: string;
  /** Kubeconfig of the ServiceAccount with exactly the rights that `deploy/` grants. */
  readonly kubeconfig: string;
  /** Creates or changes an object in the namespace, as a person (field manager `test`); throws when it is refused. */
  apply(object: ApiObject): Promise<ApiObject>;
  patch(object: ApiObject, patch: unknown, subresource?: '' | '/status'): Promise<ApiObject>;
  /** Background deletion; resolves when the API server has accepted it. */
  remove(kind: string, name: string): Promise<void>;
  /** null: not found. */
  read(kind: string, name: string): Promise<ApiObject | null>;
  secret(name: string, data: Readonly<Record<string, string>>): Promise<ApiObject>;
  /** The operator in this process. Stopped with the stage at the latest. */
  start(changes?: OperatorChanges): Promise<RunningOperator>;
  /** Stops the operators; the namespace goes with the world. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type OperatorChanges = Partial<Omit<Config, 'lease'>> & {
  readonly identity?: string;
  readonly leaseTimes?: Config['lease']['times'];
};

export interface LogLine {
  readonly level: string;
  readonly fields: LogFields;
  readonly message: string;
}

export interface RunningOperator {
  readonly url: string;
  readonly lines: readonly LogLine[];
  readonly leading: () => boolean;
  get(path: string): Promise<{ readonly code: number; readonly body: string }>;
  /** As SIGTERM does. */
  stop(): Promise<void>;
}

let installed: Promise<void> | null = null;

/** Installs the CRDs, once for each test file, and makes a namespace with the operator's rights and the monitor's login. */
export async function openStage(prefix: string): Promise<Stage> {
  const api = await connect();
  installed ??= installCrds(api);
  await installed;
  const namespace = await freshNamespace(api, prefix);
  const { kubeconfig } = await operatorAccess(api, namespace);
  const operators = new Set<RunningOperator>();
  const inNamespace = (object: ApiObject): ApiObject => ({ ...object, metadata: { ...object.metadata, namespace } });
  const named = (kind: string, name: string): ApiObject => ({
    apiVersion: API_VERSIONS[kind] ?? 'v1',
    kind,
    metadata: { name, namespace },
  });
  const accepted = async (reply: ReturnType<TestApi['apply']>): Promise<ApiObject> => {
    const answer = await reply;
    if (!answer.accepted) throw new Error(answer.refusal.message);
    return answer.object;
  };
  const close = async (): Promise<void> => {
    await Promise.all([...operators].map((operator) => operator.stop()));
    await api.close();
  };
  const stage: Stage = {
    api,
    namespace,
    kubeconfig,
    apply: (object) => accepted(api.apply(inNamespace(object))),
    patch: (object, patch, subresource = '') => accepted(api.mergePatch(inNamespace(object), patch, subresource)),
    remove: (kind, name) => api.delete(named(kind, name)),
    read: async (kind, name) => {
      const reply = await api.get(named(kind, name));
      if (reply.accepted) return reply.object;
      if (reply.refusal.code === 404) return null;
      throw new Error(reply.refusal.message);
    },
    secret: (name, data) =>
      stage.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: data, type: 'Opaque' }),
    start: async (changes = {}) => {
      const operator = await startInProcess(namespace, kubeconfig, changes, () => operators.delete(operator));
      operators.add(operator);
      return operator;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  await stage.secret(MONITOR_SECRET, MONITOR);
  return stage;
}

const API_VERSIONS: Readonly<Record<string, string>> = {
  DatabaseFailover: API_VERSION,
  FailoverRequest: API_VERSION,
  EndpointSlice: 'discovery.k8s.io/v1',
  Lease: 'coordination.k8s.io/v1',
};

async function startInProcess(
  namespace: string,
  kubeconfig: string,
  { identity, leaseTimes, ...changes }: OperatorChanges,
  onStopped: () => void,
): Promise<RunningOperator> {
  const lines: LogLine[] = [];
  const write = (level: string) => (fields: LogFields, message: string) => void lines.push({ level, fields, message });
  const log: Log = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
  const config: Config = {
    version: '0.0.0-test',
    namespaces: [namespace],
    kubeconfig,
    lease: {
      name: 'database-failover-operator',
      namespace,
      identity: identity ?? 'in-process',
      times: leaseTimes ?? { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 500 },
    },
    listen: { host: LISTEN_HOST, port: 0 },
    logLevel: 'debug',
    region: null,
    clusterDomain: 'cluster.local',
    dnsServers: [readWorld().dnsServer],
    deniedCidrs: DEFAULT_DENIED_CIDRS,
    resyncMs: 300_000,
    ...changes,
  };
  const operator = await startOperator(config, log, () => log.error({}, 'work did not stop after the lease was lost'));
  const url = `http://${operator.server.host}:${operator.server.port}`;
  let stopped: Promise<void> | null = null;
  return {
    url,
    lines,
    leading: () => operator.elector.isLeader(),
    get: async (path) => {
      const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(2_000) });
      return { code: answer.status, body: await answer.text() };
    },
    stop: () => {
      stopped ??= operator.stop().then(onStopped);
      return stopped;
    },
  };
}

/** A role that may look (pg_monitor) and, unless said otherwise, read timeline histories. */
export async function createMonitorRole(
  group: Pick<PostgresGroup, 'members'>,
  attributes = 'REPLICATION',
): Promise<void> {
  const [primary] = group.members;
  await primary?.sql(`CREATE ROLE ${MONITOR.username} LOGIN ${attributes} PASSWORD '${MONITOR.password}'`);
  await primary?.sql(`GRANT pg_monitor TO ${MONITOR.username}`);
}

/**
 * For groups in which nobody falls silent: on a busy machine three looks in a row may take half a second each, and a primary
 * that counts as dead within its adoption costs an epoch. Who is refused counts as dead nearly as soon (25 ms a look).
 */
export const PATIENT: Edits = { 'spec.detection.timeout': '3s', 'spec.detection.failureThreshold': 15 };

/** `orders`: the group's members by their names, in Follow mode, looked at five times a second. */
export function ordersOf(group: Pick<PostgresGroup, 'members'>, edits: Edits = {}): ApiObject {
  const spec: SpecInput = {
    mode: 'Follow',
    members: group.members.map(({ name, host, port }) => ({ name, host, port })),
    credentials: { monitor: { secretRef: { name: MONITOR_SECRET } } },
    tls: { mode: 'Disable' },
    detection: { interval: '200ms', timeout: '500ms', shutdownGrace: '2s', startupGrace: '2s' },
    retry: { initialDelay: '100ms', maxDelay: '1s' },
    routes: { readWrite: { service: 'orders-rw' }, readOnly: { service: 'orders-ro', dwell: '200ms' } },
  };
  return edited({ apiVersion: API_VERSION, kind: 'DatabaseFailover', metadata: { name: 'orders' }, spec }, edits);
}

/** The world's own process: its API server and its names. */
export const control = () => worldControl(readWorld());
