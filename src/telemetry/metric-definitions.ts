/** Every metric of ours, as data: registered from here, and `docs/metrics.md` is generated from here. */

export type MetricKind = 'gauge' | 'counter' | 'histogram';

export interface MetricDefinition {
  readonly kind: MetricKind;
  /** Says what the values mean. */
  readonly help: string;
  /** Bounded: names of the spec and words of the code, never addresses or messages. */
  readonly labels: readonly string[];
  /** Upper bounds in seconds, for histograms. */
  readonly buckets?: readonly number[];
}

const group = ['namespace', 'name'] as const;
const member = [...group, 'member'] as const;

/** From a probe on loopback (1 ms) to the longest sensible `detection.timeout`. */
const probeBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10];
const reconcileBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15];

export const metricDefinitions = {
  dbfailover_build_info: {
    kind: 'gauge',
    help: 'Always 1; the version of the operator.',
    labels: ['version'],
  },
  dbfailover_resources: {
    kind: 'gauge',
    help: 'DatabaseFailover resources that this replica observes.',
    labels: [],
  },
  dbfailover_member_role: {
    kind: 'gauge',
    help: '1 for the role the member had at its last answer: Primary, Standby or Unknown.',
    labels: [...member, 'role'],
  },
  dbfailover_member_verdict: {
    kind: 'gauge',
    help: '1 for the verdict in force, e.g. Up, Refused, Silent; the other verdicts have no series.',
    labels: [...member, 'verdict'],
  },
  dbfailover_member_dead: {
    kind: 'gauge',
    help: '1 when the verdict has lasted past its threshold or grace, else 0.',
    labels: member,
  },
  dbfailover_member_lag_bytes: {
    kind: 'gauge',
    help: 'Bytes of WAL that a standby has yet to replay, against the newest known position of the primary.',
    labels: member,
  },
  dbfailover_member_lag_seconds: {
    kind: 'gauge',
    help: 'Replay lag of a standby in seconds; 0 when it has replayed all that is known.',
    labels: member,
  },
  dbfailover_member_in_read_set: {
    kind: 'gauge',
    help: '1 when the read-only Service leads to the member, else 0.',
    labels: member,
  },
  dbfailover_probe_seconds: {
    kind: 'histogram',
    help: 'Time that a look spent in each layer: resolve, tcp, tls, startup, auth, sql.',
    labels: [...member, 'layer'],
    buckets: probeBuckets,
  },
  dbfailover_decisions_total: {
    kind: 'counter',
    help: 'Times the decision came to this rule from another; rules are listed in docs/decisions.md.',
    labels: [...group, 'rule'],
  },
  dbfailover_decision_rule: {
    kind: 'gauge',
    help: 'Number of the rule in force.',
    labels: group,
  },
  dbfailover_route_epoch: {
    kind: 'gauge',
    help: 'Epoch of the published routes.',
    labels: group,
  },
  dbfailover_route_primary: {
    kind: 'gauge',
    help: '1 when the read-write Service leads to a member, 0 when it leads nowhere.',
    labels: group,
  },
  dbfailover_route_published_age_seconds: {
    kind: 'gauge',
    help: 'Seconds since the published objects were last seen to be what they should be; while they never were, since the first try.',
    labels: group,
  },
  dbfailover_route_writes_total: {
    kind: 'counter',
    help: 'Writes of published objects; at rest none.',
    labels: group,
  },
  dbfailover_retries_total: {
    kind: 'counter',
    help: 'Work that was tried again, by kind: attempt (a step of it), publish, status.',
    labels: [...group, 'kind'],
  },
  dbfailover_reconcile_seconds: {
    kind: 'histogram',
    help: 'Time that one round over a resource took, waiting for the API server included.',
    labels: group,
    buckets: reconcileBuckets,
  },
  dbfailover_reconcile_errors_total: {
    kind: 'counter',
    help: 'Rounds over a resource that ended with an error.',
    labels: group,
  },
  dbfailover_condition: {
    kind: 'gauge',
    help: '1 when the condition of this type is True, 0 when it is False; no series while it is Unknown or not there, as Stalled, SplitBrain, Degraded and Reconciling are while all is well.',
    labels: [...group, 'type'],
  },
  dbfailover_status_writes_total: {
    kind: 'counter',
    help: 'Writes of status; at rest at most one a minute.',
    labels: group,
  },
  dbfailover_watch_age_seconds: {
    kind: 'gauge',
    help: 'Seconds since the watch last heard from the API server, by namespace (empty: all) and kind.',
    labels: ['namespace', 'kind'],
  },
  dbfailover_watch_synced: {
    kind: 'gauge',
    help: '1 once the watch has had a complete list, else 0.',
    labels: ['namespace', 'kind'],
  },
  dbfailover_watch_restarts_total: {
    kind: 'counter',
    help: 'Times the watch was opened again after it ended.',
    labels: ['namespace', 'kind'],
  },
  dbfailover_lease_held: {
    kind: 'gauge',
    help: '1 while this replica surely holds the lease and acts, else 0.',
    labels: [],
  },
  dbfailover_lease_remaining_seconds: {
    kind: 'gauge',
    help: 'Seconds for which the lease is surely valid; 0 when it is not held.',
    labels: [],
  },
  dbfailover_lease_transitions_total: {
    kind: 'counter',
    help: 'Times this replica began or ceased to lead.',
    labels: [],
  },
  dbfailover_kube_requests_total: {
    kind: 'counter',
    help: 'Requests that were answered or failed, watches and the Lease included, by HTTP method and code (none: no answer).',
    labels: ['method', 'code'],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

export type MetricName = keyof typeof metricDefinitions;
