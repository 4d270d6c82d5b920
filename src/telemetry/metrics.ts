/** Prometheus metrics in a registry of their own: what `metric-definitions.ts` lists, and Node's default metrics. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { ObjectKey, WatchHealth } from '../ports/kube.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { type GroupMetrics, groupMetrics } from './group-metrics.ts';
import { createGroupInstruments, createInstruments, type Instruments } from './instruments.ts';

export interface WatchReading {
  /** null: all namespaces. */
  readonly namespace: string | null;
  readonly kind: string;
  readonly health: WatchHealth;
}

/** Read at each scrape. */
export interface MetricSources {
  readonly version: string;
  readonly monotonicMs: () => number;
  readonly watches: () => readonly WatchReading[];
  /** 0 when the lease is not held. */
  readonly leaseRemainingMs: () => number;
}

export interface Metrics {
  /** What the conductor reports; series of a resource go with `forget`. */
  readonly telemetry: Telemetry;
  readonly contentType: string;
  /** The exposition text. */
  text(): Promise<string>;
  /** `code` null: no answer. */
  kubeRequest(method: string, code: number | null): void;
  /** This replica began or ceased to lead. */
  leaseTransition(): void;
}

export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  const instruments = createInstruments(registry);
  const groups = new Map<string, GroupMetrics>();
  collectDefaultMetrics({ register: registry });
  instruments.gauge('dbfailover_build_info').set({ version: sources.version }, 1);
  const requests = instruments.counter('dbfailover_kube_requests_total');
  const transitions = instruments.counter('dbfailover_lease_transitions_total');
  const groupInstruments = createGroupInstruments(instruments);
  instruments.gauge('dbfailover_resources', (gauge) =>
    gauge.set([...groups.values()].filter((group) => group.isObserved()).length),
  );
  instruments.gauge('dbfailover_route_published_age_seconds', (gauge) => {
    gauge.reset();
    for (const group of groups.values()) {
      const confirmedAtMs = group.confirmedAtMs();
      if (confirmedAtMs !== null) gauge.set({ ...group.key }, secondsSince(confirmedAtMs, sources));
    }
  });
  readWatches(instruments, sources);
  instruments.gauge('dbfailover_lease_held', (gauge) => gauge.set(sources.leaseRemainingMs() > 0 ? 1 : 0));
  instruments.gauge('dbfailover_lease_remaining_seconds', (gauge) => gauge.set(sources.leaseRemainingMs() / 1000));

  return {
    telemetry: telemetryInto(groups, (key) => groupMetrics(key, groupInstruments, sources.monotonicMs)),
    contentType: registry.contentType,
    text: () => registry.metrics(),
    kubeRequest: (method, code) => requests.inc({ method, code: code === null ? 'none' : String(code) }),
    leaseTransition: () => transitions.inc(),
  };
}

function telemetryInto(groups: Map<string, GroupMetrics>, create: (key: ObjectKey) => GroupMetrics): Telemetry {
  const of = (key: ObjectKey): GroupMetrics => {
    const id = `${key.namespace}/${key.name}`;
    const group = groups.get(id) ?? create({ namespace: key.namespace, name: key.name });
    groups.set(id, group);
    return group;
  };
  return {
    looked: (key, evidence) => groups.get(`${key.namespace}/${key.name}`)?.looked(evidence.member, evidence.timings),
    judged: (key, _settings, views, published) => of(key).judged(views, published),
    decided: (key, decision) => of(key).decided(decision.rule),
    routeCompared: (key, epoch, writes, inSync) => of(key).routeCompared(epoch, writes, inSync),
    retried: (key, what) => of(key).retried(what),
    reconciled: (key, tookMs, error) => of(key).reconciled(tookMs, error),
    statusWritten: (key) => of(key).statusWritten(),
    reported: (key, conditions) => of(key).reported(conditions),
    forget: (key) => {
      of(key).remove();
      groups.delete(`${key.namespace}/${key.name}`);
    },
  };
}

const secondsSince = (atMs: number, { monotonicMs }: MetricSources) => Math.max(0, monotonicMs() - atMs) / 1000;

function readWatches(instruments: Instruments, sources: MetricSources): void {
  const forEach = (record: (labels: { namespace: string; kind: string }, health: WatchHealth) => void) => {
    for (const { namespace, kind, health } of sources.watches()) record({ namespace: namespace ?? '', kind }, health);
  };
  instruments.gauge('dbfailover_watch_age_seconds', (gauge) => {
    gauge.reset();
    forEach((labels, { lastEventAtMs }) => {
      if (lastEventAtMs !== null) gauge.set(labels, secondsSince(lastEventAtMs, sources));
    });
  });
  instruments.gauge('dbfailover_watch_synced', (gauge) => {
    gauge.reset();
    forEach((labels, { synced }) => gauge.set(labels, synced ? 1 : 0));
  });
  instruments.counter('dbfailover_watch_restarts_total', (counter) => {
    counter.reset();
    forEach((labels, { restarts }) => counter.inc(labels, restarts));
  });
}
