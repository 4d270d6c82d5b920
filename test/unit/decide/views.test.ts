import { describe, expect, test } from 'vitest';
import type { MemberFacts } from '../../../src/api/evidence.ts';
import type { GroupSettings } from '../../../src/api/settings.ts';
import { observe, type Track } from '../../../src/decide/track.ts';
import { newTrack } from '../../../src/decide/track-state.ts';
import { type ViewContext, viewMembers } from '../../../src/decide/views.ts';
import {
  answered,
  detection,
  evidence,
  fresh,
  refused,
  type ScriptedLook,
  standing,
  times,
} from '../../support/looks.ts';
import { lsn, memberSettings, SYSTEM_IDENTIFIER, settings } from '../../support/views.ts';

const primaryIs = (startedAt: string, over: Partial<MemberFacts> = {}) => fresh(answered({ startedAt, ...over }));
const standbyIs = (startedAt: string, over: Partial<MemberFacts> = {}) =>
  fresh(
    answered({ startedAt, inRecovery: true, currentLsn: null, receiveLsn: lsn(5000), replayLsn: lsn(5000), ...over }),
  );

function tracked(name: string, looks: readonly ScriptedLook[]): Track {
  return looks.reduce(
    (track, { afterMs = 1000, ...look }, sequence) => {
      const startedAtMs = (sequence + 1) * afterMs;
      return observe(track, evidence({ sequence, startedAtMs, endedAtMs: startedAtMs, ...look }), detection);
    },
    newTrack(memberSettings(name), 0),
  );
}

function view(
  script: Readonly<Record<string, readonly ScriptedLook[]>>,
  over: Partial<ViewContext> = {},
  group: Partial<GroupSettings> = {},
) {
  const names = Object.keys(script);
  const tracks = new Map(names.map((name) => [name, tracked(name, script[name] ?? [])]));
  const context = { nowMs: 10_000, primary: 'a', primaryLsn: null, systemIdentifier: null, ...over };
  return viewMembers(tracks, settings(names, group), context);
}
const verdicts = (...args: Parameters<typeof view>) => view(...args).map((member) => member.verdict);

describe('what a member is', () => {
  test('follows from its answer', () => {
    expect(view({ a: [primaryIs('1')], b: [standbyIs('2')], c: [primaryIs('3', { readOnly: true })] })).toMatchObject([
      { name: 'a', verdict: 'Up', writable: true, standby: false, lsn: lsn(5000), factsAtMs: 1000 },
      { name: 'b', verdict: 'Up', writable: false, standby: true, lsn: lsn(5000) },
      { name: 'c', verdict: 'Up', writable: false, standby: false },
    ]);
  });

  test('is neither writable nor a standby once it does not answer, though its facts are kept', () => {
    expect(view({ a: [primaryIs('1'), fresh(refused)] })).toMatchObject([
      { verdict: 'Refused', writable: false, standby: false, lostAtMs: 2000, factsAtMs: 1000 },
    ]);
  });

  test('is unknown without a track', () => {
    const context = { nowMs: 0, primary: null, primaryLsn: null, systemIdentifier: null };
    expect(viewMembers(new Map(), settings(['a']), context)).toMatchObject([{ verdict: 'Unknown', asked: false }]);
  });

  test('is dead once a grace has passed, though no look has ended since', () => {
    const starting = times(3, fresh({ kind: 'Rejected', sqlState: '57P03' }));
    expect(view({ a: starting }, { nowMs: 60_999 })[0]?.dead).toBe(false);
    expect(view({ a: starting }, { nowMs: 61_000 })[0]?.dead).toBe(true);
  });

  test('keeps the addresses of its last answer', () => {
    const addresses = [{ family: 'IPv4' as const, address: '192.0.2.9', atMs: 1000 }];
    const looks = [primaryIs('1', {}), fresh(answered({ startedAt: '1' }), { answered: addresses }), fresh(refused)];
    expect(view({ a: looks })[0]?.answered).toEqual(addresses);
  });
});

describe('WrongCluster', () => {
  const stranger = [primaryIs('1', { systemIdentifier: '42' })];
  test('is a member with another system identifier than expected', () => {
    const [seen] = view({ a: stranger }, { systemIdentifier: SYSTEM_IDENTIFIER });
    expect(seen).toMatchObject({ verdict: 'WrongCluster', dead: false, writable: false, lostAtMs: 1000 });
    expect(seen?.reason).toContain('42');
  });

  test('is nobody while no identifier is known', () => {
    expect(verdicts({ a: stranger })).toEqual(['Up']);
  });

  test('does not hide that the member is down', () => {
    expect(verdicts({ a: [...stranger, fresh(refused)] }, { systemIdentifier: SYSTEM_IDENTIFIER })).toEqual([
      'Refused',
    ]);
  });
});

describe('Ambiguous', () => {
  const one = primaryIs('1');
  const other = standbyIs('2');
  test.each<readonly [string, readonly ScriptedLook[], string]>([
    ['is a name behind which servers alternate', [one, other, one], 'Ambiguous'],
    [
      'is a name whose standing session and new connections meet different servers',
      [one, { ...other, sessionAlive: true }, standing(one.outcome)],
      'Ambiguous',
    ],
    ['is another cluster that alternates too', [one, primaryIs('1', { systemIdentifier: '42' }), one], 'Ambiguous'],
    ['is no restart', [one, one, other, other], 'Up'],
    ['is no series of restarts', [one, other, standbyIs('3'), standbyIs('4')], 'Up'],
    [
      'does not end by answers on the standing session',
      [one, other, one, ...times(99, standing(one.outcome))],
      'Ambiguous',
    ],
    ['does not end early', [one, other, ...times(29, one)], 'Ambiguous'],
    ['ends when 30 new connections in a row met one server', [one, other, ...times(30, one)], 'Up'],
    ['begins anew when the other comes back', [one, other, ...times(30, one), other, one], 'Ambiguous'],
  ])('%s', (_, looks, verdict) => {
    expect(verdicts({ a: looks })).toEqual([verdict]);
  });

  test('forgets earlier servers once one was met long enough', () => {
    expect(verdicts({ a: [one, other, ...times(30, one), other] })).toEqual(['Up']);
  });
});

describe('DuplicateMember', () => {
  const same = [primaryIs('1')];
  test('is the later of two names of one server', () => {
    const [, second] = view({ a: same, b: same }, { primary: null });
    expect(second).toMatchObject({ verdict: 'DuplicateMember', writable: false, dead: false });
    expect(second?.reason).toContain('the same server as a');
  });

  test('is never the primary', () => {
    expect(verdicts({ a: same, b: same }, { primary: 'b' })).toEqual(['DuplicateMember', 'Up']);
  });

  test('is rather the one behind a proxy', () => {
    const members = [memberSettings('a', { direct: false }), memberSettings('b')];
    expect(verdicts({ a: same, b: same }, { primary: null }, { members })).toEqual(['DuplicateMember', 'Up']);
  });

  test('is nobody who merely has the same start time in another cluster', () => {
    expect(verdicts({ a: same, b: [primaryIs('1', { systemIdentifier: '42' })] })).toEqual(['Up', 'Up']);
  });

  test('is nobody who shows a server that the other name has lost', () => {
    expect(verdicts({ a: [...same, fresh(refused)], b: same })).toEqual(['Refused', 'Up']);
  });
});

describe('replay lag', () => {
  const lagOf = (
    standby: Partial<MemberFacts>,
    primary: Partial<MemberFacts> = {},
    over: Partial<ViewContext> = {},
  ) => {
    const [, seen] = view({ a: [primaryIs('1', primary)], b: [standbyIs('2', standby)] }, over);
    return { ms: seen?.lagMs, bytes: seen?.lagBytes };
  };

  test('is 0 when the newest primary LSN was replayed, however old the last transaction is', () => {
    expect(lagOf({ replayAgeMs: 3_600_000 })).toEqual({ ms: 0, bytes: 0 });
  });

  test('is the age of the last replayed transaction otherwise', () => {
    expect(lagOf({ replayLsn: lsn(4000), replayAgeMs: 7000 })).toEqual({ ms: 7000, bytes: 1000 });
  });

  test('is unknown before anything was replayed', () => {
    expect(lagOf({ replayLsn: null, replayAgeMs: null })).toEqual({ ms: null, bytes: null });
  });

  test('is judged by the LSN on record while the primary has not answered this process', () => {
    const script = { a: [fresh(refused)], b: [standbyIs('2', { replayAgeMs: 9000 })] };
    expect(view(script, { primaryLsn: lsn(5000) })[1]).toMatchObject({ lagMs: 0, lagBytes: 0 });
    expect(view(script, { primaryLsn: lsn(6000) })[1]).toMatchObject({ lagMs: 9000, lagBytes: 1000 });
    expect(view(script, { primaryLsn: null })[1]).toMatchObject({ lagMs: 9000, lagBytes: null });
  });

  test('is its own replay age where there never was a primary', () => {
    const [seen] = view({ b: [standbyIs('2', { replayAgeMs: 4000 })] }, { primary: null });
    expect(seen?.lagMs).toBe(4000);
  });

  test('is not 0 on a timeline that the primary has left, however large the LSN', () => {
    const stuck = { timeline: 1, replayLsn: lsn(9000), replayAgeMs: 60_000 };
    expect(lagOf(stuck, { timeline: 2 })).toEqual({ ms: 60_000, bytes: null });
  });

  test('is nothing that a primary or a member that does not answer has', () => {
    const [first, second] = view({ a: [primaryIs('1')], b: [standbyIs('2'), fresh(refused)] });
    expect([first?.lagMs, second?.lagMs]).toEqual([null, null]);
  });
});
