import { describe, expect, it } from 'vitest';
import type { RequestSpec } from '../../../src/api/failover-request.ts';
import { evaluateRequest, type RequestContext } from '../../../src/decide/requests.ts';
import { hasRejoined, reasonNotRoutable } from '../../../src/decide/routability.ts';
import { dead, lsn, observation, primary, promoted, standby, unasked } from '../../support/views.ts';

const order = (over: Partial<RequestSpec>): RequestSpec => ({
  databaseFailover: 'orders',
  kind: 'ForceRoute',
  dryRun: false,
  ttlAfterFinished: '24h',
  ...over,
});

function context(over: Partial<RequestContext> = {}): RequestContext {
  const seen =
    over.observation ?? observation({ members: [dead('a'), promoted('b', {}, { history: null }), standby('c')] });
  return {
    observation: seen,
    unbiased: () => seen.members,
    epoch: 7,
    nowMs: Date.parse('2026-12-01T12:00:00Z'),
    ...over,
  };
}

describe('a ForceRoute request', () => {
  it('begins an attempt to a writable member, though its timeline is unproven', () => {
    expect(evaluateRequest(order({ to: 'b' }), context())).toMatchObject({
      kind: 'Begin',
      attempt: 'ForceRoute',
      to: 'b',
    });
  });

  it('lifts a quarantine and ends a split brain', () => {
    const split = observation({ members: [primary('a'), promoted('b')], quarantined: new Map([['b', 3]]) });
    expect(evaluateRequest(order({ to: 'b' }), context({ observation: split })).kind).toBe('Begin');
  });

  it.each([
    ['UnknownMember', order({ to: 'z' }), 'the members are a, b, c'],
    ['TargetNotWritable', order({ to: 'c' }), 'it is in recovery'],
    ['EpochChanged', order({ to: 'b', ifEpoch: 6 }), 'status.epoch is 7'],
    ['NotYetSupported', order({ kind: 'Switchover', to: 'b' }), 'ForceRoute and Rebaseline are'],
    ['NotYetSupported', order({ kind: 'Failover', to: 'b' }), 'not supported by this version'],
  ])('is refused with %s', (reason, request, message) => {
    expect(evaluateRequest(request, context())).toMatchObject({
      kind: 'Finish',
      success: false,
      reason,
      message: expect.stringContaining(message),
    });
  });

  it('is refused while a foreign slice would share the Service', () => {
    const seen = observation({ members: [dead('a'), promoted('b')], foreignEndpoints: 'slice x of kubectl' });
    expect(evaluateRequest(order({ to: 'b' }), context({ observation: seen }))).toMatchObject({
      kind: 'Finish',
      reason: 'ForeignEndpoints',
      message: 'slice x of kubectl',
    });
  });

  it('waits for its time, and for an attempt under way', () => {
    expect(evaluateRequest(order({ to: 'b', at: '2026-12-01T12:00:01Z' }), context())).toMatchObject({
      kind: 'Wait',
      reason: 'Scheduled',
    });
    expect(evaluateRequest(order({ to: 'b', at: '2026-12-01T12:00:00Z' }), context()).kind).toBe('Begin');
    const busy = observation({ attemptUnderway: true });
    expect(evaluateRequest(order({ to: 'b' }), context({ observation: busy }))).toMatchObject({
      reason: 'AttemptUnderway',
    });
  });

  it('only tells in a dry run, with every guard', () => {
    expect(evaluateRequest(order({ to: 'b', dryRun: true }), context())).toMatchObject({
      kind: 'Finish',
      success: true,
      reason: 'DryRun',
      guards: [
        expect.stringMatching(/^ok ForeignEndpoints/),
        expect.stringMatching(/^ok TargetNotWritable: b accepts writes/),
      ],
    });
  });

  it('is done when the routes lead there already', () => {
    expect(evaluateRequest(order({ to: 'a' }), context({ observation: observation() }))).toMatchObject({
      success: true,
      reason: 'AlreadyRouted',
    });
  });
});

describe('a Rebaseline request', () => {
  const rebaseline = order({ kind: 'Rebaseline' });

  it('begins anew with the one writer, whatever its system identifier', () => {
    const restored = [primary('a', {}, { systemIdentifier: '42' }), standby('b')];
    expect(evaluateRequest(rebaseline, context({ unbiased: () => restored }))).toMatchObject({
      kind: 'Begin',
      attempt: 'Rebaseline',
      to: 'a',
    });
  });

  it.each([
    ['NoWriter', [standby('a'), standby('b')]],
    ['SeveralWriters', [primary('a'), primary('b')]],
    ['NotAllAsked', [primary('a'), unasked('b')]],
  ])('is refused with %s', (reason, unbiased) => {
    expect(evaluateRequest(rebaseline, context({ unbiased: () => unbiased }))).toMatchObject({
      kind: 'Finish',
      success: false,
      reason,
    });
  });
});

describe('routability', () => {
  it.each([
    ['in quarantine', primary('a'), new Map([['a', 3]]), 'epoch 3'],
    ['ambiguous', primary('a', { verdict: 'Ambiguous' }), new Map(), 'more than one server'],
    ['of another cluster', primary('a', { verdict: 'WrongCluster' }), new Map(), 'another cluster'],
    ['in recovery', standby('a'), new Map(), 'in recovery'],
    ['last seen in recovery', standby('a', { verdict: 'Silent', standby: false }), new Map(), 'in recovery'],
    ['read-only', primary('a', { writable: false }, { readOnly: true }), new Map(), 'read-only'],
  ])('denies a member %s', (_, member, quarantined, why) => {
    expect(reasonNotRoutable(member, quarantined)).toContain(why);
  });

  it('keeps a dead member that last accepted writes: blind means frozen', () => {
    expect(reasonNotRoutable(dead('a'), new Map())).toBeNull();
  });

  it('ends a quarantine only for a standby on the current timeline', () => {
    const receiver = {
      status: 'streaming',
      senderHost: null,
      senderPort: null,
      slotName: null,
      latestEndLsn: lsn(1),
      lastMessageAgeMs: 1,
    };
    expect(hasRejoined(standby('a', {}, { receiver: { ...receiver, receivedTimeline: 2 } }), 2)).toBe(true);
    expect(hasRejoined(standby('a', {}, { receiver: { ...receiver, receivedTimeline: 1 } }), 2)).toBe(false);
    expect(hasRejoined(standby('a', {}, { timeline: 2 }), 2)).toBe(true);
    expect(hasRejoined(standby('a', {}, { timeline: 1 }), 2)).toBe(false);
    expect(hasRejoined(promoted('a'), 2)).toBe(false);
  });
});
