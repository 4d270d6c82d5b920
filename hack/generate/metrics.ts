/** `docs/metrics.md`, from the definitions that the operator registers. */
import { type MetricDefinition, metricDefinitions } from '../../src/telemetry/metric-definitions.ts';
import type { GeneratedFile } from './generated-file.ts';

const introduction = `<!-- Generated from src/telemetry/metric-definitions.ts and hack/generate/metrics.ts by: npm run generate -->

# Metrics and health

The operator answers at \`--listen\` (port 8080), each replica for itself.

## Metrics

\`GET /metrics\` answers in Prometheus' text format. Labels hold names of the spec and words of the code, never addresses or
messages. The series of a resource go when the resource goes, those of a member when the member leaves the spec. Every
replica observes every member, so each replica has its own series. What only the leader does stands still on the others: decisions,
conditions, reconciles, retries, writes, and the epoch and age of the route; \`dbfailover_lease_held\` tells which one leads.
So ask the leader:

\`\`\`
dbfailover_decision_rule and on (job, instance) dbfailover_lease_held == 1
\`\`\`

The label \`namespace\` is that of the resource. Prometheus must leave it as it is (\`honor_labels: true\`, in a ServiceMonitor
\`honorLabels: true\`), else it calls it \`exported_namespace\` and the alerts say the operator's namespace. The ServiceMonitor
and the alerts of the chart (\`serviceMonitor.enabled\`, \`prometheusRule.enabled\`) and of \`deploy/monitoring\` are made for that;
[the rules](decisions.md) say which of them calls somebody, and how soon. Node's own metrics (\`process_*\`, \`nodejs_*\`) are
there too.

| Metric | Type | Labels | Meaning |
|---|---|---|---|
`;

const health = `
## Health

\`/healthz\` (the process works) and \`/readyz\` (the watches are complete) are about the operator: 200 or 503, with a sentence.
\`/health\` is about the databases, as JSON, from any replica.

\`GET /health/{namespace}/{name}\` is about one \`DatabaseFailover\`:

\`\`\`json
{
  "status": "ok",
  "db_primary": "connected",
  "db_replica": "connected",
  "name": "orders",
  "namespace": "shop",
  "primary": "frankfurt",
  "epoch": 7,
  "up": "2/2",
  "decision": { "rule": 343, "reason": "PrimaryHealthy", "message": "frankfurt is the primary and answers" }
}
\`\`\`

| Field | Meaning |
|---|---|
| \`status\` | \`down\`: \`db_primary\` is disconnected; \`degraded\`: writes work, but a replica is missing, a member is not up or there is a split brain; else \`ok\` |
| \`db_primary\` | \`connected\`: the member that the read-write route leads to answers this replica of the operator; else \`disconnected\` |
| \`db_replica\` | \`connected\`: the read-only route leads to a standby; \`not_configured\`: there is one member, or no \`routes.readOnly\`; else \`disconnected\` |
| \`primary\`, \`epoch\` | what the published routes lead to; \`null\` while that is nothing |
| \`up\` | members that answer, of all |
| \`decision\` | the [rule](decisions.md) in force; \`null\` before the first |

\`GET /health\` is the worst of all that this operator watches:

\`\`\`json
{
  "status": "down",
  "db_primary": "disconnected",
  "db_replica": "connected",
  "resources": 2,
  "troubled": [
    { "namespace": "shop", "name": "orders", "status": "down", "db_primary": "disconnected", "db_replica": "connected" }
  ]
}
\`\`\`

\`resources\` counts them, \`troubled\` names those that are not \`ok\`, at most 100. Without any resource \`status\` is \`ok\` and both
connections are \`not_configured\`.

| Code | When |
|---|---|
| 200 | \`ok\` or \`degraded\` |
| 503 | \`down\` |
| 404 | no such \`DatabaseFailover\` is watched here |
| 405 | another method than GET or HEAD |
`;

export function metricsFile(): GeneratedFile {
  const rows = Object.entries(metricDefinitions).map(([name, definition]) => row(name, definition));
  return { path: 'docs/metrics.md', text: `${introduction}${rows.join('\n')}\n${health}` };
}

function row(name: string, { kind, labels, help, buckets }: MetricDefinition): string {
  const bounds = buckets === undefined ? '' : ` Buckets: ${buckets.join(', ')}.`;
  const labelList = labels.length === 0 ? '-' : labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${kind} | ${labelList} | ${help}${bounds} |`;
}
