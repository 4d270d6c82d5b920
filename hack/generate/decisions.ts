/** `docs/decisions.md`, from the table of rules that the operator decides by. */
import type { Rule } from '../../src/decide/rule.ts';
import { rules } from '../../src/decide/rules.ts';
import { urgencyOf } from './alerts.ts';
import type { GeneratedFile } from './generated-file.ts';

const introduction = `<!-- Generated from src/decide/rules.ts, hack/generate/decisions.ts and alerts.ts by: npm run generate -->

# Decisions

At each look the operator takes the first rule of this table that matches; the last always matches. Its number and
reason stand in \`status.decision\`, in Events, in the log and in the metrics \`dbfailover_decision_rule\` and
\`dbfailover_decisions_total\`; a number never changes its meaning. \`status.decision.message\` tells the same with names.

*Baseline*: what was last known of the healthy group, kept in \`status.baseline\`. *Descends*: the timeline's history shows
that it continues the baseline's. Requests are \`FailoverRequest\` resources, see [requests](requests.md).

*Alert* says when the alerts of the chart (\`prometheusRule.enabled\`) or of \`deploy/monitoring\` call somebody while the rule
is in force; each is named \`DatabaseFailover\` and the reason. Whatever the rule, the condition \`Stalled\` calls after 1m
and \`PrimaryHealthy\` after 2m of \`False\`: the primary of a paused group may die under rule 305.

Histories are compared by where their timelines began. Two promotions from exactly the same position have equal histories
and cannot be told apart: rules 321, 322, 341 and 343 then take the one for the other.
`;

const SECTIONS: readonly (readonly [hundred: number, title: string])[] = [
  [1, 'The state of the operator itself'],
  [2, 'Without a baseline: a new group, or its record is lost'],
  [3, 'With a baseline'],
];

export function decisionsFile(): GeneratedFile {
  const sections = SECTIONS.map(([hundred, title]) => {
    const rows = rules.filter(({ id }) => hundredOf(id) === hundred).map(row);
    return `## ${hundred}xx: ${title}\n\n${HEADER}\n${rows.join('\n')}\n`;
  });
  const stray = rules.filter(({ id }) => !SECTIONS.some(([hundred]) => hundred === hundredOf(id)));
  if (stray.length > 0) throw new Error(`rule ${stray[0]?.id} has no section in hack/generate/decisions.ts`);
  return { path: 'docs/decisions.md', text: [introduction, ...sections].join('\n') };
}

const HEADER = '| Rule | Reason | When | What happens | What a person may do | Alert |\n|---|---|---|---|---|---|';

const hundredOf = (id: number): number => Math.floor(id / 100);

function row(rule: Rule): string {
  const { id, reason, condition, effect, remedy } = rule;
  // The alerts lead to this anchor.
  const cells = [`<a id="rule-${id}"></a>${id}`, `\`${reason}\``, condition, effect, remedy, alertOf(rule)];
  return `| ${cells.map(cell).join(' | ')} |`;
}

function alertOf(rule: Rule): string {
  const urgency = urgencyOf(rule);
  if (urgency === null) return '-';
  return urgency.after === null ? `${urgency.severity}, at once` : `${urgency.severity} after ${urgency.after}`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
