/** prom-client's gauges, counters and histograms, made from their definitions. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { type MetricName, metricDefinitions } from './metric-definitions.ts';

export interface Instruments {
  /** `collect` runs at each scrape. */
  gauge(name: MetricName, collect?: (gauge: Gauge) => void): Gauge;
  counter(name: MetricName, collect?: (counter: Counter) => void): Counter;
  histogram(name: MetricName, buckets: readonly number[]): Histogram;
}

export function createInstruments(registry: Registry): Instruments {
  const common = (name: MetricName) => ({
    name,
    help: metricDefinitions[name].help,
    labelNames: [...metricDefinitions[name].labels],
    registers: [registry],
  });
  return {
    gauge: (name, collect) => {
      const gauge: Gauge = new Gauge({ ...common(name), ...(collect && { collect: () => collect(gauge) }) });
      return gauge;
    },
    counter: (name, collect) => {
      const counter: Counter = new Counter({ ...common(name), ...(collect && { collect: () => collect(counter) }) });
      return counter;
    },
    histogram: (name, buckets) => new Histogram({ ...common(name), buckets: [...buckets] }),
  };
}

export function createGroupInstruments({ gauge, counter, histogram }: Instruments) {
  return {
    role: gauge('dbfailover_member_role'),
    verdict: gauge('dbfailover_member_verdict'),
    dead: gauge('dbfailover_member_dead'),
    lagBytes: gauge('dbfailover_member_lag_bytes'),
    lagSeconds: gauge('dbfailover_member_lag_seconds'),
    inReadSet: gauge('dbfailover_member_in_read_set'),
    probe: histogram('dbfailover_probe_seconds', metricDefinitions.dbfailover_probe_seconds.buckets),
    decisions: counter('dbfailover_decisions_total'),
    rule: gauge('dbfailover_decision_rule'),
    epoch: gauge('dbfailover_route_epoch'),
    routed: gauge('dbfailover_route_primary'),
    routeWrites: counter('dbfailover_route_writes_total'),
    retries: counter('dbfailover_retries_total'),
    reconcile: histogram('dbfailover_reconcile_seconds', metricDefinitions.dbfailover_reconcile_seconds.buckets),
    reconcileErrors: counter('dbfailover_reconcile_errors_total'),
    condition: gauge('dbfailover_condition'),
    statusWrites: counter('dbfailover_status_writes_total'),
  };
}

export type GroupInstruments = ReturnType<typeof createGroupInstruments>;
