import { describe, expect, test } from 'vitest';
import type { Attempt } from '../../../src/api/status.ts';
import { eventsBetween } from '../../../src/report/events.ts';
import type { ReportInput } from '../../../src/report/input.ts';
import { buildStatus } from '../../../src/report/status.ts';
import { emptyStatus, historyEntry, hold, observing, reportInput } from '../../support/report-input.ts';
import { dead, primary, settings, standby, unasked } from '../../support/views.ts';

const attempt: Attempt = {
  epoch: 8,
  kind: 'Follow',
  from: 'a',
  to: 'b',
  step: 'Draining',
  startedAt: '2026-03-01T12:00:00.000Z',
  retries: 0,
  rule: 322,
  reason: 'b was promoted and a is dead',
};
const primaryDown = { views: [dead('a'), standby('b'), standby('c')], decision: hold('PrimaryDown', 'a is dead', 360) };
const healthy = buildStatus(reportInput());

/** `Type Reason` of the events on the way from one state to the next. */
function between(before: Partial<ReportInput>, after: Partial<ReportInput>): string[] {
  const previous = buildStatus(reportInput(before));
  const next = buildStatus(reportInput({ previous, ...after }));
  return eventsBetween(previous, next).map((event) => `${event.type} ${event.reason}`);
}

test('nothing that stays as it is makes an event', () => {
  expect(between({}, {})).toEqual([]);
  expect(between(primaryDown, primaryDown)).toEqual([]);
});

test('a resource that is healthy at first sight makes no event of its own', () => {
  expect(eventsBetween(emptyStatus, healthy)).toEqual([]);
});

describe('changes', () => {
  const doubt = { views: [dead('a', { dead: false }), standby('b'), standby('c')], decision: hold('PrimaryInDoubt') };
  const splitBrain = { splitBrain: { members: ['a', 'b'], since: '2026-03-01T12:00:00Z' } };
  const stalled = { problems: [{ reason: 'CredentialsMissing', message: 'Secret orders-monitor does not exist' }] };
  const badPassword = { views: [primary('a'), dead('b', { verdict: 'Misconfigured', dead: false }), standby('c')] };
  const automatic = { settings: settings(['a', 'b', 'c'], { mode: 'Automatic' }) };

  test.each<[string, Partial<ReportInput>, Partial<ReportInput>, string[]]>([
    ['the primary dies', {}, primaryDown, ['Warning PrimaryDown']],
    ['the primary comes back', primaryDown, {}, ['Normal PrimaryUp']],
    ['the primary is in doubt', {}, doubt, []],
    ['the doubt passes', doubt, {}, []],
    ['the doubt ends in death', doubt, primaryDown, ['Warning PrimaryDown']],
    ['a replica dies', {}, { views: [primary('a'), standby('b'), dead('c')] }, ['Warning ReplicaUnhealthy']],
    ['a replica returns', { views: [primary('a'), standby('b'), dead('c')] }, {}, ['Normal ReplicasUp']],
    ['a split brain begins', {}, splitBrain, ['Warning SplitBrain']],
    ['a split brain ends', splitBrain, {}, ['Normal SplitBrainResolved', 'Normal FollowsOthers']],
    ['a Secret goes missing', {}, stalled, ['Warning CredentialsMissing']],
    ['the Secret is there again', stalled, {}, ['Normal StalledResolved']],
    ['a password is refused', {}, badPassword, ['Warning CredentialsInvalid', 'Warning ReplicaUnhealthy']],
    ['the mode asks for what is not there yet', {}, automatic, ['Warning PromotionNotAvailable']],
    [
      'the reason to hold changes while the primary is down',
      primaryDown,
      { ...primaryDown, decision: hold('UnprovenTimeline', 'no proof', 324) },
      ['Warning UnprovenTimeline'],
    ],
    ['the reason to hold changes while all is well', {}, { decision: hold('Paused') }, []],
    ['the first look is under way after a start', {}, { views: [unasked('a'), unasked('b')], decision: observing }, []],
  ])('%s', (_, before, after, expected) => {
    expect(between(before, after)).toEqual(expected);
  });
});

describe('an attempt', () => {
  const moving = {
    ...primaryDown,
    attempt,
    published: { epoch: 8, primary: null, readers: ['c'] },
    decision: {
      ...hold('PromotedElsewhere', 'b was promoted and a is dead', 322),
      action: { kind: 'Begin', attempt: 'Follow', to: 'b' },
    } as const,
  };
  const moved = {
    views: [dead('a'), primary('b'), standby('c')],
    published: { epoch: 8, primary: 'b', readers: ['c'] },
    history: [historyEntry()],
    quarantined: new Map([['a', 8]]),
  };

  test('tells of its start with the rule and the reason', () => {
    const previous = buildStatus(reportInput(primaryDown));
    expect(eventsBetween(previous, buildStatus(reportInput({ previous, ...moving })))).toEqual([
      {
        type: 'Normal',
        reason: 'FollowStarted',
        action: 'Follow',
        note: 'the routes go from a to b at epoch 8 (rule 322): b was promoted and a is dead',
      },
    ]);
  });

  test('names the request that ordered it', () => {
    const ordered = {
      ...moving,
      attempt: {
        ...attempt,
        kind: 'ForceRoute',
        request: 'orders-x1',
        reason: 'ordered by FailoverRequest orders-x1',
      } as const,
    };
    const [event] = eventsBetween(healthy, buildStatus(reportInput({ previous: healthy, ...ordered })));
    expect(event).toMatchObject({ reason: 'ForceRouteStarted', action: 'ForceRoute' });
    expect(event?.note).toContain('ordered by FailoverRequest orders-x1');
  });

  test('tells of its end and of the quarantine, once', () => {
    const previous = buildStatus(reportInput(moving));
    const next = buildStatus(reportInput({ previous, ...moved }));
    expect(eventsBetween(previous, next)[0]?.note).toBe('the read-write route went from a to b at epoch 8 in 420ms');
    expect(between(moving, moved)).toEqual(['Normal RouteChanged', 'Warning ReplicaUnhealthy', 'Warning Quarantined']);
    expect(eventsBetween(next, next)).toEqual([]);
  });

  test('tells of its end also when it began and ended between two writes', () => {
    expect(between({}, moved)).toContain('Normal RouteChanged');
  });

  test('tells why it was given up', () => {
    const history = [historyEntry({ outcome: 'Aborted', reason: 'b went away' })];
    const next = buildStatus(reportInput({ previous: healthy, history }));
    expect(eventsBetween(healthy, next)).toEqual([
      {
        type: 'Warning',
        reason: 'AttemptAborted',
        action: 'Publish',
        note: 'epoch 8: the way from a to b was given up: b went away',
      },
    ]);
  });
});

test('each member that is quarantined, or let in again, has an event of its own', () => {
  const views = [primary('a'), dead('b'), dead('c')];
  const both = new Map([
    ['b', 7],
    ['c', 7],
  ]);
  const previous = buildStatus(reportInput({ views }));
  const next = buildStatus(reportInput({ views, previous, quarantined: both }));
  expect(eventsBetween(previous, next).map((event) => event.reason)).toEqual(['Quarantined', 'Quarantined']);
  expect(eventsBetween(next, previous).map((event) => event.reason)).toEqual(['QuarantineEnded', 'QuarantineEnded']);
});

test('a note fits the API server’s bound in bytes, whatever the language of the message', () => {
  const routeProblems = [{ reason: 'TemplateError', message: 'ключ «url» '.repeat(200) }];
  const next = buildStatus(reportInput({ previous: healthy, routeProblems }));
  const [event] = eventsBetween(healthy, next);
  expect(event?.reason).toBe('TemplateError');
  expect(Buffer.byteLength(event?.note ?? '')).toBeLessThanOrEqual(1024);
  expect(event?.note.endsWith('…')).toBe(true);
  expect(event?.note).not.toContain('�');
});
