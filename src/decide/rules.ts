/**
 * The decision: one ordered table of numbered rules, first match wins, the last always matches. Ids never change meaning;
 * the number goes to status, event, log and metric. `docs/decisions.md` is generated from this table.
 */
import type { Decision } from '../api/decision.ts';
import type { Observation } from './observation.ts';
import type { Rule } from './rule.ts';
import { rulesOwnState } from './rules-own-state.ts';
import { rulesWithBaseline } from './rules-with-baseline.ts';
import { rulesWithoutBaseline } from './rules-without-baseline.ts';

export const rules: readonly Rule[] = [...rulesOwnState, ...rulesWithoutBaseline, ...rulesWithBaseline];

/** Total: the last rule always matches. */
export function decide(observation: Observation): Decision {
  const rule = rules.find((candidate) => candidate.when(observation));
  if (rule === undefined) throw new Error('the last rule must always match');
  return { rule: rule.id, reason: rule.reason, ...rule.outcome(observation) };
}
