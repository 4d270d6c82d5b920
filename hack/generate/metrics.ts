/** `docs/metrics.md`, from the definitions that the operator registers. */
import { type MetricDefinition, metricDefinitions } from '../../src/telemetry/metric-definitions.ts';
import type { GeneratedFile } from './generated-file.ts';

const introduction = `# Metrics

\`GET /metrics\` at \`--listen\` answers in Prometheus' text format. This page is generated from the source: \`npm run generate\`.

Labels hold names of the spec and words of the code, never addresses or messages. The series of a resource go when the
resource goes, those of a member when the member leaves the spec. Every replica observes every member, so each replica
has its own series; what only the leader does (\`dbfailover_status_writes_total\`, \`dbfailover_route_*\`) stands still on
the others, and \`dbfailover_lease_held\` tells which one leads. Node's own metrics (\`process_*\`, \`nodejs_*\`) are there too.

| Metric | Type | Labels | Meaning |
|---|---|---|---|
`;

export function metricsFile(): GeneratedFile {
  const rows = Object.entries(metricDefinitions).map(([name, definition]) => row(name, definition));
  return { path: 'docs/metrics.md', text: `${introduction}${rows.join('\n')}\n` };
}

function row(name: string, { kind, labels, help, buckets }: MetricDefinition): string {
  const bounds = buckets === undefined ? '' : ` Buckets: ${buckets.join(', ')}.`;
  const labelList = labels.length === 0 ? '-' : labels.map((label) => `\`${label}\``).join(', ');
  return `| \`${name}\` | ${kind} | ${labelList} | ${help}${bounds} |`;
}
