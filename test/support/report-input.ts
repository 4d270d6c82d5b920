/** Builder for the report room: a healthy group of primary `a` and standbys `b`, `c`; a test names only what differs. */
import type { Decision } from '../../src/api/decision.ts';
import type { ReadSettings } from '../../src/api/settings.ts';
import type { Condition, HistoryEntry, Status } from '../../src/api/status.ts';
import type { ReportInput } from '../../src/report/input.ts';
import { settings as groupOf, primary, standby } from './views.ts';

export const NOW = Date.parse('2026-03-01T12:00:00.250Z');
export const MONOTONIC = 100_000;

export const readSettings: ReadSettings = {
  service: 'orders-ro',
  port: 5432,
  maxReplayLagMs: 10_000,
  leaveLagMs: 15_000,
  dwellMs: 5_000,
  whenNoneFit: 'Primary',
  prefer: 'Any',
};

export const hold = (reason: string, message = `${reason} holds`, rule = 343): Decision => ({
  rule,
  action: { kind: 'Hold' },
  reason,
  message,
});

export const healthy = hold('PrimaryHealthy', 'a is the primary and answers');
export const observing = hold('Observing', 'waiting for the first look at a, b, c', 201);

export const emptyStatus: Status = { observedGeneration: -1 };

export function reportInput(over: Partial<ReportInput> = {}): ReportInput {
  const views = over.views ?? [primary('a'), standby('b'), standby('c')];
  return {
    generation: 3,
    previous: emptyStatus,
    nowMs: NOW,
    monotonicMs: MONOTONIC,
    settings: groupOf(
      views.map((view) => view.name),
      { read: readSettings },
    ),
    views,
    decision: healthy,
    published: { epoch: 7, primary: 'a', readers: ['b', 'c'] },
    routeProblems: [],
    problems: [],
    attempt: undefined,
    history: [],
    baseline: undefined,
    splitBrain: undefined,
    quarantined: new Map(),
    quarantinedTimelines: new Map(),
    readWhy: {},
    promotionProofs: new Map(),
    ...over,
  };
}

export function conditionOf(status: Status, type: string): Condition | undefined {
  return status.conditions?.find((condition) => condition.type === type);
}

export const historyEntry = (over: Partial<HistoryEntry> = {}): HistoryEntry => ({
  epoch: 8,
  kind: 'Follow',
  from: 'a',
  to: 'b',
  outcome: 'Completed',
  startedAt: '2026-03-01T12:00:00.000Z',
  finishedAt: '2026-03-01T12:00:00.420Z',
  steps: { Draining: 40, Routing: 60 },
  ...over,
});
