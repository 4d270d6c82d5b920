/**
 * Alerts of the Prometheus operator, for the chart and for `deploy/monitoring`: one for each rule of the decision but the
 * one that says that all is well, and those about what no rule tells.
 */
import { stringify } from 'yaml';
import type { Rule } from '../../src/decide/rule.ts';
import { rules } from '../../src/decide/rules.ts';
import type { GeneratedFile } from './generated-file.ts';

/** How soon somebody is called while a rule is in force. */
export interface Urgency {
  readonly severity: 'critical' | 'warning';
  /** Prometheus' `for`; null: at the first scrape that sees it. */
  readonly after: string | null;
}

interface UrgencyGroup extends Urgency {
  readonly rules: readonly number[];
}

const urgencies: readonly UrgencyGroup[] = [
  // Writes go to two servers, to the wrong one or nowhere, and only a person can say which history is to be kept.
  { severity: 'critical', after: null, rules: [110, 202, 204, 301, 323, 340, 342, 345] },
  // The same, but one look may say so of a history that is asked for again, or of an old primary that is overloaded.
  { severity: 'critical', after: '30s', rules: [324, 325] },
  // Nobody accepts writes; whoever promotes in this group (Patroni, a cloud) may need most of a minute.
  { severity: 'critical', after: '1m', rules: [206, 350, 360] },
  // These pass by themselves in seconds, or within the graces of spec.detection: lasting, they are an outage.
  { severity: 'critical', after: '5m', rules: [101, 203, 205, 321, 322, 326, 341, 390] },
  // Applications may well be served, but a failover would not be followed.
  { severity: 'warning', after: '2m', rules: [310, 370] },
  // Routes stay as they are while a look hangs.
  { severity: 'warning', after: '10m', rules: [201, 302] },
  // Somebody's wish, and easily forgotten.
  { severity: 'warning', after: '12h', rules: [305] },
];

/** null: the rule is no reason to call anybody. Throws when a rule stands in two groups. */
export function urgencyOf(rule: Pick<Rule, 'id'>): Urgency | null {
  const [found, second] = urgencies.filter((group) => group.rules.includes(rule.id));
  if (second !== undefined) throw new Error(`rule ${rule.id} has two urgencies in hack/generate/alerts.ts`);
  return found === undefined ? null : { severity: found.severity, after: found.after };
}

/** Rules that share a reason share the name; the label `rule` tells them apart. */
export const alertName = ({ reason }: Pick<Rule, 'reason'>): string => `DatabaseFailover${reason}`;

export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Only the replica that leads decides and publishes; what the others say of that is old. */
const AND_LEADS = 'and on (job, instance) dbfailover_lease_held == 1';
const RESOURCE = '{{ $labels.namespace }}/{{ $labels.name }}';
const DESCRIBE = 'kubectl describe dbf {{ $labels.name }} -n {{ $labels.namespace }}';

function ruleAlert(rule: Rule, { severity, after }: Urgency): Alert {
  const howLong = after === null ? '' : `, for ${after}`;
  return {
    alert: alertName(rule),
    expr: `max by (namespace, name) (dbfailover_decision_rule == ${rule.id} ${AND_LEADS})`,
    ...(after === null ? {} : { for: after }),
    labels: { severity, rule: String(rule.id), reason: rule.reason },
    annotations: {
      summary: `${RESOURCE}: ${rule.reason} (rule ${rule.id})${howLong}`,
      description: `Seen: ${rule.condition}. What happens: ${rule.effect}. What to do: ${needsPerson(rule) ? rule.remedy : LASTS}. ${DESCRIBE} tells it with names.`,
      runbook: `docs/decisions.md#rule-${rule.id}`,
    },
  };
}

/** What the table itself says; the others pass, and their alerts tell that they did not. */
export const needsPerson = ({ remedy }: Pick<Rule, 'remedy'>): boolean => !remedy.startsWith('none needed');
const LASTS = 'this should have passed by itself; status and the log of the operator say what it waits for';

const otherAlerts: readonly Alert[] = [
  {
    alert: 'DatabaseFailoverNobodyLeads',
    expr: 'sum by (namespace, job) (dbfailover_lease_held) < 1 or absent(dbfailover_lease_held)',
    for: '2m',
    labels: { severity: 'critical' },
    annotations: {
      summary: 'No replica of the operator holds the Lease',
      description:
        "Routes stay as they are, but nothing follows a failover, and no other alert of the operator fires. Look at the operator's Pods and their log.",
      runbook: 'docs/installation.md#is-it-ready',
    },
  },
  {
    // What stops the operator before any rule is asked: a spec or a record that it cannot read, credentials that are missing.
    alert: 'DatabaseFailoverStalled',
    expr: `max by (namespace, name) (dbfailover_condition{type="Stalled"} == 1 ${AND_LEADS})`,
    for: '1m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `${RESOURCE} waits for a person`,
      description: `The condition Stalled says what must be mended first; until then a failover may not be followed. ${DESCRIBE} shows it.`,
      runbook: 'docs/metrics.md',
    },
  },
  {
    // Some rules come before those about the primary: a paused group whose primary dies stays with rule 305.
    alert: 'DatabaseFailoverPrimaryUnhealthy',
    expr: `max by (namespace, name) (dbfailover_condition{type="PrimaryHealthy"} == 0 ${AND_LEADS})`,
    for: '2m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `The primary of ${RESOURCE} does not accept writes`,
      description: `Whatever rule is in force, the condition PrimaryHealthy is False. ${DESCRIBE} says why, since when, and what to do.`,
      runbook: 'docs/decisions.md',
    },
  },
  {
    // Not "no writes are possible": the route stays where it is while the primary is dead, and PrimaryDown tells of that.
    alert: 'DatabaseFailoverRouteEmpty',
    expr: `max by (namespace, name) (dbfailover_route_primary == 0 ${AND_LEADS})`,
    for: '1m',
    labels: { severity: 'critical' },
    annotations: {
      summary: `The read-write Service of ${RESOURCE} leads nowhere`,
      description: `${DESCRIBE} says why, and what to do.`,
      runbook: 'docs/decisions.md',
    },
  },
  {
    alert: 'DatabaseFailoverRoutesUnconfirmed',
    expr: `max by (namespace, name) (dbfailover_route_published_age_seconds > 900 ${AND_LEADS})`,
    for: '1m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `The routes of ${RESOURCE} were not what they should be for 15 minutes`,
      description: `The operator compares and mends them at least each --resync (5m by default). ${DESCRIBE} (condition RoutesSynced) and the log of the operator say what keeps it from that.`,
      runbook: 'docs/metrics.md',
    },
  },
  {
    // What keeps a leader from deciding at all, such as a Secret that it may not read, has neither a rule nor an age.
    alert: 'DatabaseFailoverRoundsFail',
    expr: `max by (namespace, name) (increase(dbfailover_reconcile_errors_total[5m]) > 0 ${AND_LEADS})`,
    for: '10m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `The operator fails again and again over ${RESOURCE}`,
      description: `Routes stay as they are, and a failover may not be followed. The log of the operator names the refusal; ${DESCRIBE} does where the status can be written.`,
      runbook: 'docs/metrics.md',
    },
  },
  {
    alert: 'DatabaseFailoverMemberDead',
    expr: `max by (namespace, name, member) (dbfailover_member_dead == 1 ${AND_LEADS})`,
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: `Member {{ $labels.member }} of ${RESOURCE} is dead`,
      description: `${DESCRIBE} shows what each look at it saw.`,
      runbook: 'docs/metrics.md',
    },
  },
  {
    alert: 'DatabaseFailoverWatchStale',
    // A bookmark comes each minute and a list each 10, so that silence means that both are refused.
    expr: 'min by (namespace, kind) (dbfailover_watch_synced) == 0 or max by (namespace, kind) (dbfailover_watch_age_seconds) > 900',
    for: '5m',
    labels: { severity: 'warning' },
    annotations: {
      summary: 'The operator does not see {{ $labels.kind }} objects',
      description:
        'Check its rights (kubectl auth can-i) and whether the CRDs are installed; its log names the refusal.',
      runbook: 'docs/installation.md#rights',
    },
  },
];

export function alerts(): readonly Alert[] {
  const ofRules = rules.flatMap((rule) => {
    const urgency = urgencyOf(rule);
    return urgency === null ? [] : [ruleAlert(rule, urgency)];
  });
  return [...ofRules, ...otherAlerts];
}

const NAME = 'database-failover-operator';
const HEADER = '# Generated from src/decide/rules.ts and hack/generate/alerts.ts by: npm run generate\n';
const yaml = (value: unknown): string => `${HEADER}${stringify(value, { lineWidth: 0 })}`;

export function alertFiles(): GeneratedFile[] {
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: {
      name: NAME,
      labels: { 'app.kubernetes.io/name': NAME, 'app.kubernetes.io/instance': NAME },
    },
    spec: { groups: [{ name: NAME, rules: alerts() }] },
  };
  return [
    { path: `charts/${NAME}/files/alerts.yaml`, text: yaml(alerts()) },
    { path: 'deploy/monitoring/prometheus-rule.yaml', text: yaml(rule) },
  ];
}
