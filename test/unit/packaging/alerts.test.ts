import { describe, expect, test } from 'vitest';
import { alertName, alerts, needsPerson, urgencyOf } from '../../../hack/generate/alerts.ts';
import { decisionsFile } from '../../../hack/generate/decisions.ts';
import { rules } from '../../../src/decide/rules.ts';
import { metricDefinitions } from '../../../src/telemetry/metric-definitions.ts';

const forRule = (id: number) => alerts().filter(({ labels }) => labels.rule === String(id));

describe('the alerts and the table of rules', () => {
  test('every rule that needs a person has its alert, and it tells the remedy', () => {
    const needy = rules.filter(needsPerson);
    expect(needy.length).toBeGreaterThan(10);
    for (const rule of needy) {
      expect(forRule(rule.id), `rule ${rule.id}`).toEqual([
        expect.objectContaining({
          alert: alertName(rule),
          expr: expect.stringContaining(`dbfailover_decision_rule == ${rule.id} `),
          annotations: expect.objectContaining({
            description: expect.stringContaining(rule.remedy),
            runbook: `docs/decisions.md#rule-${rule.id}`,
          }),
        }),
      ]);
    }
  });

  test('no rule that passes by itself calls anybody at once', () => {
    const passing = rules.filter((rule) => !needsPerson(rule));
    expect(passing.filter((rule) => urgencyOf(rule)?.after === null).map(({ id }) => id)).toEqual([]);
  });

  test('only a healthy primary calls nobody, however long it lasts', () => {
    expect(rules.filter((rule) => urgencyOf(rule) === null).map(({ reason }) => reason)).toEqual(['PrimaryHealthy']);
  });

  test('what endangers data or leaves writes without a way out calls at once', () => {
    const atOnce = rules.filter((rule) => urgencyOf(rule)?.after === null).map(({ reason }) => reason);
    for (const reason of ['SplitBrain', 'RecordLost', 'TimelineDiverged']) expect(atOnce).toContain(reason);
    const unwaited = alerts().filter((alert) => alert.for === undefined);
    expect(unwaited.map(({ labels }) => labels.severity)).toEqual(atOnce.map(() => 'critical'));
  });

  test('what may be gone with the next look, such as a history that is asked for again, has half a minute', () => {
    const brief = rules.filter(({ id }) => id === 324 || id === 325);
    expect(brief.map((rule) => urgencyOf(rule))).toEqual(brief.map(() => ({ severity: 'critical', after: '30s' })));
    expect(brief).toHaveLength(2);
  });

  test('a group without a writer, as in the middle of a switchover by others, has a minute', () => {
    const waiting = rules.filter(({ reason }) => reason === 'NoPrimary' || reason === 'PrimaryDown');
    expect(waiting.map((rule) => urgencyOf(rule))).toEqual(waiting.map(() => ({ severity: 'critical', after: '1m' })));
  });

  test('no alert is about a rule that the table does not have', () => {
    const named = alerts().flatMap(({ labels }) => (labels.rule === undefined ? [] : [Number(labels.rule)]));
    expect(named).toEqual(rules.map(({ id }) => id).filter((id) => named.includes(id)));
  });

  test('each leads to a place that the page has', () => {
    const { text } = decisionsFile();
    for (const { annotations } of alerts()) {
      const [, anchor] = /^docs\/decisions\.md#(.+)$/.exec(annotations.runbook ?? '') ?? [];
      if (anchor !== undefined) expect(text).toContain(`<a id="${anchor}"></a>`);
    }
    expect(alerts().filter(({ annotations }) => annotations.runbook === undefined)).toEqual([]);
  });
});

describe('the alerts about conditions', () => {
  const named = (name: string) => alerts().find(({ alert }) => alert === name);

  test('a resource that waits for a person calls, whatever the rule', () => {
    expect(named('DatabaseFailoverStalled')).toMatchObject({ for: '1m', labels: { severity: 'critical' } });
    expect(named('DatabaseFailoverStalled')?.expr).toContain('dbfailover_condition{type="Stalled"} == 1 ');
  });

  test('a primary that is not healthy calls, also while the group is paused', () => {
    expect(named('DatabaseFailoverPrimaryUnhealthy')).toMatchObject({ for: '2m', labels: { severity: 'critical' } });
    expect(named('DatabaseFailoverPrimaryUnhealthy')?.expr).toContain(
      'dbfailover_condition{type="PrimaryHealthy"} == 0 ',
    );
  });
});

describe('each alert', () => {
  test.each(alerts())('$alert $labels.rule is told apart from the others and says what to do', (alert) => {
    const same = alerts().filter((other) => other.alert === alert.alert && other.labels.rule === alert.labels.rule);
    expect(same).toHaveLength(1);
    expect(['critical', 'warning']).toContain(alert.labels.severity);
    expect(alert.annotations.summary).not.toBe('');
    expect(alert.annotations.description).toMatch(/\S/);
  });

  test.each(alerts())('$alert $labels.rule asks only for metrics that exist', ({ expr }) => {
    const named = expr.match(/dbfailover_[a-z_]+/g) ?? [];
    expect(named).not.toEqual([]);
    expect(named.filter((name) => !Object.keys(metricDefinitions).includes(name))).toEqual([]);
  });

  test('believes only the leader about decisions, routes and members', () => {
    const ofResources = alerts().filter(({ expr }) => expr.includes('by (namespace, name'));
    expect(ofResources.length).toBeGreaterThan(rules.length);
    for (const { expr } of ofResources) expect(expr).toContain('and on (job, instance) dbfailover_lease_held == 1');
  });
});
