/** Wires the rooms together: the one place that knows every implementation. */
import type { Config } from './config.ts';
import { type Controller, createController } from './controller/controller.ts';
import type { Group } from './controller/group.ts';
import { createPublisher } from './controller/publisher.ts';
import { routeOnRecord } from './controller/told-route.ts';
import { createResolver } from './dns/resolver.ts';
import { KubeClient } from './kube/kube-client.ts';
import { loadKubeConfig } from './kube/kube-config.ts';
import type { KubeObserver } from './kube/kube-observer.ts';
import { Elector } from './kube/lease.ts';
import type { Log } from './ports/telemetry.ts';
import { createMemberConnector } from './postgres/member-connector.ts';
import { groupHealth, overallHealth } from './report/health.ts';
import { systemClock } from './system-clock.ts';
import { createLiveness } from './telemetry/liveness.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { countRequests } from './telemetry/request-counter.ts';
import { type HealthServer, type HealthVerdict, startHealthServer } from './telemetry/server.ts';

export interface Operator {
  readonly controller: Controller;
  readonly elector: Elector;
  readonly server: HealthServer;
  /** Ends the work, then gives the lease back, then closes. Never rejects. */
  stop(): Promise<void>;
}

/** The event loop says that it turns this often, and counts as stuck after the limit. */
const HEARTBEAT_MS = 1000;
const HEARTBEAT_LIMIT_MS = 15_000;
const SERVER_CLOSE_MS = 1000;
/** Events still on their way get this long. */
const FLUSH_MS = 1000;

/** @throws KubeError when there are no credentials for an API server, RangeError when a DNS server or a CIDR is malformed. */
export async function startOperator(config: Config, log: Log, onStuck: () => void): Promise<Operator> {
  const clock = systemClock;
  const random = Math.random;
  const observer = logInto(log);
  const kube = new KubeClient({
    load: () => loadKubeConfig(config.kubeconfig),
    clock,
    random,
    observer,
    userAgent: `database-failover-operator/${config.version}`,
    instance: config.lease.identity,
  });
  const resolver = createResolver({ clock, servers: config.dnsServers, deniedCidrs: config.deniedCidrs });
  let controller: Controller | null = null;
  const elector = new Elector({
    store: kube.leaseStore({ namespace: config.lease.namespace, name: config.lease.name }),
    clock,
    random,
    observer,
    identity: config.lease.identity,
    times: config.lease.times,
    workStopped: () => controller?.settled() ?? Promise.resolve(),
    onWorkStuck: onStuck,
  });
  const metrics = createMetrics({
    version: config.version,
    monotonicMs: clock.monotonicMs,
    watches: () => controller?.watches() ?? [],
    leaseRemainingMs: () => elector.remainingMs(),
  });
  const stopCounting = countRequests(metrics.kubeRequest);
  const liveness = createLiveness(clock.monotonicMs);
  controller = createController({
    namespaces: config.namespaces,
    env: {
      clock,
      random,
      kube,
      leadership: elector,
      connector: createMemberConnector({ clock, resolver }),
      resolver,
      publisher: createPublisher(kube, config.clusterDomain),
      telemetry: metrics.telemetry,
      log,
      region: config.region,
      resyncMs: config.resyncMs,
    },
  });
  const conductor = controller;
  elector.onChange((leading) => {
    metrics.leaseTransition();
    log.info({ leading, identity: config.lease.identity }, leading ? 'leading' : 'not leading any more');
  });
  const server = await startHealthServer(config.listen, {
    alive: liveness.verdict,
    ready: () => readiness(conductor),
    overall: () => overallHealth(conductor.groups().map((group) => healthOf(group).body)),
    group: (namespace, name) => {
      const group = conductor.groups().find(({ key }) => key.namespace === namespace && key.name === name);
      return group === undefined ? null : healthOf(group);
    },
    metrics,
  });
  const stopHeart = beat();
  conductor.start();
  elector.start();

  function beat(): () => void {
    let cancel: () => void = () => {};
    const tick = () => {
      liveness.beat('event loop', HEARTBEAT_LIMIT_MS);
      cancel = clock.after(HEARTBEAT_MS, tick);
    };
    tick();
    return () => cancel();
  }

  return {
    controller: conductor,
    elector,
    server,
    stop: async () => {
      stopHeart();
      await conductor.stop();
      await elector.release();
      await kube.close(FLUSH_MS);
      await server.close(SERVER_CLOSE_MS);
      stopCounting();
    },
  };
}

function readiness(controller: Controller): HealthVerdict {
  const waiting = controller.watches().filter(({ health }) => !health.synced);
  if (waiting.length === 0) return { ok: true, detail: 'ok' };
  return { ok: false, detail: `not synced: ${waiting.map(({ kind }) => kind).join(', ')}` };
}

function healthOf(group: Group) {
  return groupHealth({
    ...group.key,
    settings: group.settings,
    views: group.views,
    published: group.told ?? routeOnRecord(group),
    decision: group.decision,
    splitBrain: group.record.splitBrain !== null,
  });
}

function logInto(log: Log): KubeObserver {
  return {
    watchInterrupted: (interruption) => {
      log[interruption.why === 'Closed' ? 'debug' : 'warn']({ ...interruption }, 'watch interrupted');
    },
    listenerFailed: (resource, error) => {
      log.error({ resource, error: error instanceof Error ? error.message : 'unknown' }, 'watch listener failed');
    },
    eventLost: (event) => log.debug({ ...event }, 'event not recorded'),
    leaseProblem: (problem) => {
      if (problem === null) log.info({}, 'lease reachable again');
      else log.warn({ code: problem.code, error: problem.message }, 'lease cannot be read or written');
    },
  };
}
