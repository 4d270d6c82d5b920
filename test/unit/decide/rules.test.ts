import { describe, expect, it, test } from 'vitest';
import type { MemberView } from '../../../src/api/verdict.ts';
import type { Observation } from '../../../src/decide/observation.ts';
import { decide, rules } from '../../../src/decide/rules.ts';
import {
  baseline,
  dead,
  facts,
  lsn,
  observation,
  primary,
  promoted,
  settings,
  standby,
  unasked,
} from '../../support/views.ts';

const fresh = { baseline: null, routed: null, published: null } as const;
const unreadable = (name: string) =>
  primary(name, { verdict: 'Overloaded', reason: 'too many connections', writable: false, lostAtMs: 0 });

const cases: readonly (readonly [string, Observation, number])[] = [
  ['lets an attempt under way go on', observation({ attemptUnderway: true }), 101],
  ['holds when a foreign slice names the Service', observation({ foreignEndpoints: 'slice x' }), 110],
  ['waits for the first look at everybody', observation({ ...fresh, members: [primary('a'), unasked('b')] }), 201],
  ['adopts nobody when two accept writes', observation({ ...fresh, members: [primary('a'), primary('b')] }), 202],
  [
    'adopts nobody when one of two writers falls silent',
    observation({ ...fresh, members: [primary('a'), dead('b', { verdict: 'Silent' })], splitBrain: ['a', 'b'] }),
    202,
  ],
  [
    'adopts the one our published routes name, though another accepts writes',
    observation({ ...fresh, published: 'b', members: [primary('a'), promoted('b')] }),
    203,
  ],
  [
    'does not guess when the published primary is gone and the record lost',
    observation({ ...fresh, published: 'b', members: [primary('a'), dead('b')] }),
    204,
  ],
  ['adopts the one writer', observation({ ...fresh }), 205],
  ['adopts a single member', observation({ ...fresh, members: [primary('a')] }), 205],
  ['finds no primary among standbys', observation({ ...fresh, members: [standby('a'), standby('b')] }), 206],
  ['finds no primary when nobody answers', observation({ ...fresh, members: [dead('a'), dead('b')] }), 206],
  [
    'freezes when a standby turns writable beside the primary',
    observation({ members: [primary('a'), promoted('b')] }),
    301,
  ],
  [
    'stays split when one of the two falls silent',
    observation({ members: [dead('a', { verdict: 'Silent' }), promoted('b')], splitBrain: ['a', 'b'] }),
    301,
  ],
  [
    'freezes when two were promoted after the primary died',
    observation({ members: [dead('a'), promoted('b'), promoted('c')] }),
    301,
  ],
  ['looks at everybody before it follows', observation({ members: [dead('a'), promoted('b'), unasked('c')] }), 302],
  [
    'does nothing while paused',
    observation({ members: [dead('a'), promoted('b')], settings: settings(['a', 'b'], { paused: true }) }),
    305,
  ],
  [
    'holds when the routed member was taken out of the spec',
    observation({ members: [promoted('b'), standby('c')] }),
    310,
  ],
  [
    'follows a promotion when the old primary is in recovery',
    observation({ members: [standby('a'), promoted('b')] }),
    321,
  ],
  [
    'follows a promotion when the old primary is read-only',
    observation({ members: [primary('a', { writable: false }, { readOnly: true }), promoted('b')] }),
    321,
  ],
  [
    'follows a promotion when the old primary is dead',
    observation({ members: [dead('a'), promoted('b'), standby('c')] }),
    322,
  ],
  [
    'follows after a split brain whose other half is refused',
    observation({ members: [dead('a'), promoted('b')], splitBrain: ['a', 'b'] }),
    322,
  ],
  [
    'follows a quarantined member that was promoted anew',
    observation({ members: [dead('a'), promoted('b')], quarantined: new Map([['b', 1]]) }),
    322,
  ],
  [
    'never follows onto another branch of the history',
    observation({
      members: [dead('a'), promoted('b', {}, { timeline: 3, history: [{ timeline: 1, endLsn: lsn(100) }] })],
      baseline: baseline({ timeline: 2 }),
    }),
    323,
  ],
  [
    'never follows an unproven timeline',
    observation({ members: [dead('a'), promoted('b', {}, { history: null })] }),
    324,
  ],
  ['holds while the old primary is full', observation({ members: [unreadable('a'), promoted('b')] }), 325],
  [
    'confirms before it follows',
    observation({ members: [dead('a', { dead: false, verdict: 'Silent' }), promoted('b')] }),
    326,
  ],
  [
    'holds when the primary came back from an older backup',
    observation({ members: [primary('a'), standby('b')], baseline: baseline({ timeline: 2 }) }),
    340,
  ],
  ['routes again to a primary that came back', observation({ routed: null }), 341],
  [
    'does not route again to a primary on an unproven timeline',
    observation({ routed: null, members: [primary('a', {}, { timeline: 5, history: null })] }),
    342,
  ],
  ['is content with a healthy group', observation(), 343],
  [
    'ignores a zombie in quarantine',
    observation({
      members: [promoted('a'), primary('b')],
      baseline: baseline({ timeline: 2 }),
      quarantined: new Map([['b', 2]]),
    }),
    343,
  ],
  [
    'leaves the old primary routed beside a descendant that ForceRoute deposed',
    observation({
      members: [primary('a'), promoted('b')],
      quarantined: new Map([['b', 2]]),
      quarantinedTimelines: new Map([['b', 2]]),
    }),
    343,
  ],
  [
    'names the way back to a deposed primary that is the only one to accept writes',
    observation({
      members: [primary('a'), standby('b', {}, { timeline: 2 })],
      baseline: baseline({ primary: 'b', timeline: 2 }),
      routed: null,
      quarantined: new Map([['a', 2]]),
    }),
    345,
  ],
  ['has no primary when it went into recovery', observation({ members: [standby('a'), standby('b')] }), 350],
  ['waits when the primary is dead and nobody was promoted', observation({ members: [dead('a'), standby('b')] }), 360],
  ['does not call a full primary dead', observation({ members: [unreadable('a'), standby('b')] }), 370],
  [
    'waits for the threshold',
    observation({ members: [dead('a', { dead: false, verdict: 'Silent' }), standby('b')] }),
    390,
  ],
];

describe('the decision', () => {
  test.each(cases)('%s', (_, seen, rule) => {
    expect(decide(seen).rule).toBe(rule);
  });

  it('has a named case for every rule', () => {
    expect(rules.map((rule) => rule.id).filter((id) => !cases.some(([, , rule]) => rule === id))).toEqual([]);
  });

  it('numbers its rules in ascending order', () => {
    const ids = rules.map((rule) => rule.id);
    expect(ids).toEqual([...ids].sort((left, right) => left - right));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('always says why in a sentence that names the member', () => {
    for (const [, seen] of cases) {
      const { message } = decide(seen);
      expect(message).not.toMatch(/undefined|null|\[object/);
      expect(message.length).toBeGreaterThan(5);
    }
  });

  it('says what the way out is whenever it holds against a writable member', () => {
    const holds = [323, 324, 325, 301, 345];
    for (const [, seen, rule] of cases.filter(([, , id]) => holds.includes(id))) {
      expect(decide(seen).message, `rule ${rule}`).toContain('FailoverRequest');
    }
  });

  it('tells Automatic and Manual that promoting is not available', () => {
    const down = observation({
      members: [dead('a'), standby('b')],
      settings: settings(['a', 'b'], { mode: 'Automatic' }),
    });
    expect(decide(down).message).toContain('promoting is not available in this version (mode Automatic)');
    const healthy = observation({ settings: settings(['a', 'b', 'c'], { mode: 'Manual' }) });
    expect(decide(healthy).message).toContain('promoting is not available in this version (mode Manual)');
    expect(decide(observation()).message).toBe('a is the primary and answers');
  });

  it('names what keeps it from speaking to members, once for all that it is true of', () => {
    const dumb = (name: string) => dead(name, { verdict: 'TlsFailed', dead: false, reason: 'no TLS; switch it on' });
    const message = (members: readonly MemberView[]) => decide(observation({ ...fresh, members })).message;
    expect(message([dumb('a'), dumb('b'), dead('c')])).toBe('no member answers; a, b: no TLS; switch it on');
    expect(message([dumb('a'), standby('b')])).toBe(
      'no member accepts writes and none was ever seen to; a: no TLS; switch it on',
    );
    expect(message([dead('a'), dead('b')])).toContain('status.members[].reason');
    expect(decide(observation({ ...fresh, published: 'a', members: [dumb('a'), standby('b')] })).message).toContain(
      'the published routes name a, which cannot be read (no TLS; switch it on)',
    );
  });

  it('begins an attempt only in the rules that say so', () => {
    const acting = cases.filter(([, seen]) => decide(seen).action.kind === 'Begin').map(([, , rule]) => rule);
    expect([...new Set(acting)].sort()).toEqual([203, 205, 321, 322, 341]);
  });

  it('takes a member without facts for one that proves nothing', () => {
    const silent = primary('b', { facts: null, writable: false, verdict: 'Silent', dead: true });
    expect(decide(observation({ members: [primary('a', {}, facts()), silent] })).rule).toBe(343);
  });
});
