import { describe, expect, test } from 'vitest';
import { doubt, newTrack, observe } from '../../../src/decide/track.ts';
import { verdictOf } from '../../../src/decide/track-verdict.ts';
import {
  accepting,
  answered,
  cutOff,
  detection,
  evidence,
  fresh,
  refused,
  rejected,
  type ScriptedLook,
  sessionSilent,
  silent,
  standing,
  startup,
  times,
  watch,
} from '../../support/looks.ts';
import { memberSettings } from '../../support/views.ts';

const up = fresh(answered());

describe('the failure threshold', () => {
  test.each<readonly [string, readonly ScriptedLook[], boolean]>([
    ['is not reached by two failed looks', times(2, fresh(refused)), false],
    ['is reached by three', times(3, fresh(refused)), true],
    ['counts confirmations', [fresh(refused), ...times(2, startup(refused))], true],
    ['counts the standing look that failed first', [standing(sessionSilent), ...times(2, fresh(silent))], true],
    ['counts refused and silent looks together', [fresh(refused), fresh(silent), fresh(refused)], true],
    ['starts anew after an answer', [...times(2, fresh(refused)), up, ...times(2, fresh(refused))], false],
    ['is not excused by a reset between', [fresh(refused), fresh(cutOff), fresh(refused), fresh(refused)], true],
    [
      'starts anew after a sign of life',
      [...times(2, fresh(refused)), fresh(rejected('53300')), fresh(refused)],
      false,
    ],
    ['starts anew after 57P03', [...times(2, fresh(refused)), fresh(rejected('57P03')), fresh(refused)], false],
    ['starts anew after an answered startup', [...times(2, fresh(refused)), startup(accepting), fresh(refused)], false],
    [
      'goes on after an answered startup when the failure lies deeper than that',
      [fresh(sessionSilent), startup(accepting), fresh(sessionSilent), startup(accepting), fresh(sessionSilent)],
      true,
    ],
  ])('%s', (_, looks, dead) => {
    expect(watch([up, ...looks]).verdict.dead).toBe(dead);
  });
});

describe('a standing session that still answers', () => {
  const alive = { sessionAlive: true };
  const vouches = standing(answered());

  test('vouches for a member while few new connections fail', () => {
    const { verdict } = watch([up, fresh(silent, alive), vouches, startup(silent, alive), vouches]);
    expect(verdict).toMatchObject({ verdict: 'Up', dead: false, lostAtMs: null });
    expect(verdict.reason).toContain('new connections: no answer');
  });

  test('does not save a frozen postmaster, which accepts and forks nobody', () => {
    const looks = [up, ...times(3, [fresh(silent, alive), vouches]).flat()];
    expect(watch(looks).verdict).toMatchObject({ verdict: 'Silent', dead: true, lostAtMs: 2000 });
  });

  test('gives the verdict away when new connections are refused for a reason again and again', () => {
    const full = fresh(rejected('53300'), alive);
    expect(watch([up, full, vouches, full, vouches]).verdict.verdict).toBe('Up');
    expect(watch([up, full, vouches, full, vouches, full, vouches]).verdict).toMatchObject({
      verdict: 'Overloaded',
      dead: false,
    });
  });

  test('lets a rotated password pass without a false verdict', () => {
    const looks = [up, fresh(rejected('28P01'), alive), vouches, fresh(answered(), alive)];
    expect(looks.map((_, end) => watch(looks.slice(0, end + 1)).verdict.verdict)).toEqual(times(4, 'Up'));
  });

  test('does not bring a dead member back', () => {
    const looks = [up, ...times(3, fresh(silent, alive)), ...times(50, vouches)];
    expect(watch(looks).verdict).toMatchObject({ verdict: 'Silent', dead: true });
  });

  test('never lets a stop count as dead, though it is given no grace', () => {
    const looks = times(50, fresh(rejected('57P03'), alive));
    expect(watch([up, ...looks], { shutdownGraceMs: 0 }).verdict.dead).toBe(false);
  });

  test('is not what a standing look shows that had to open a connection', () => {
    const opened = { timings: { tcp: 1, startup: 1 } };
    expect(watch([...times(3, fresh(refused)), ...times(2, standing(answered(), opened))]).verdict.verdict).toBe('Up');
    expect(watch([up, standing(refused, alive), vouches]).verdict.reason).toContain(
      'new connections: connection refused',
    );
  });

  test('never lets a starting server count as dead', () => {
    expect(watch([up, ...times(500, fresh(rejected('57P03'), alive))]).verdict.dead).toBe(false);
  });
});

describe('the startup grace', () => {
  const starts = fresh(rejected('57P03'));
  test('is counted from the first look that saw the start', () => {
    expect(watch([up, ...times(60, starts)]).verdict).toMatchObject({ verdict: 'Starting', dead: false });
    expect(watch([up, ...times(62, starts)]).verdict).toMatchObject({ verdict: 'Starting', dead: true });
  });

  test('passes by time alone', () => {
    expect(watch([up, ...times(3, starts)], {}, 57_000).verdict.dead).toBe(false);
    expect(watch([up, ...times(3, starts)], {}, 58_000).verdict.dead).toBe(true);
  });

  test('is reset by an answer', () => {
    expect(watch([up, ...times(50, starts), up, ...times(50, starts)]).verdict.dead).toBe(false);
  });

  test('is not extended by a crash loop', () => {
    const crashes = times(40, [fresh(refused), starts]).flat();
    expect(watch([up, ...crashes, ...times(3, starts)]).verdict.dead).toBe(true);
  });
});

describe('coming back', () => {
  const died = [up, ...times(3, fresh(refused))];
  test('from failed looks short of dead needs one good look', () => {
    expect(watch([up, ...times(2, fresh(refused)), up]).verdict).toMatchObject({ verdict: 'Up', lostAtMs: null });
  });

  test('from dead needs recoveryThreshold good looks in a row', () => {
    expect(watch([...died, up]).verdict).toMatchObject({ verdict: 'Refused', dead: true });
    expect(watch([...died, up]).verdict.reason).toContain('it answers again');
    expect(watch([...died, up, fresh(refused), up]).verdict.dead).toBe(true);
    expect(watch([...died, up, up]).verdict).toMatchObject({ verdict: 'Up', dead: false, lostAtMs: null });
    expect(watch([...died, up, standing(answered())]).verdict.verdict).toBe('Up');
  });

  test('from dead is not done by a start, a reset or an answered startup exchange', () => {
    const looks = [fresh(rejected('57P03')), fresh(cutOff), startup(accepting)];
    expect(watch([...died, ...times(5, looks).flat()]).verdict.dead).toBe(true);
  });

  test('shows what a living server says once it said so often enough', () => {
    expect(watch([...died, fresh(rejected('28P01'))]).verdict.dead).toBe(true);
    expect(watch([...died, ...times(2, fresh(rejected('28P01')))]).verdict).toMatchObject({
      verdict: 'Misconfigured',
      dead: false,
    });
  });

  test('counts signs of life across a reset', () => {
    const living = fresh(rejected('28P01'));
    expect(watch([...died, living, fresh(cutOff), living]).verdict.dead).toBe(false);
    expect(watch([...died, living, fresh(refused), living]).verdict.dead).toBe(true);
  });

  test('we claim no death of a member that we cannot ask', () => {
    const blind = fresh({ kind: 'NotAsked', why: 'CredentialsMissing', detail: 'no Secret' });
    expect(watch([...died, blind]).verdict).toMatchObject({ verdict: 'Misconfigured', dead: false });
  });
});

describe('proof that nothing listens', () => {
  const refusals = [up, ...times(3, fresh(refused))];
  test.each<readonly [string, readonly ScriptedLook[], boolean]>([
    ['is a refusal past the threshold', refusals, true],
    ['is the same in the grace of a stop', [up, ...times(3, fresh(refused, { sessionLost: '57P01' }))], true],
    ['is not silence', [...refusals, fresh(silent)], false],
    [
      'is not a refusal at an address that the name may have left',
      times(3, fresh(refused, { addressFresh: false })),
      false,
    ],
    ['is not a refusal while the standing session answers', times(3, fresh(refused, { sessionAlive: true })), false],
    ['ends with the first answer', [...refusals, up], false],
    ['ends when connections are accepted again', [...refusals, startup(accepting)], false],
  ])('%s', (_, looks, isRefused) => {
    expect(watch(looks).verdict.refused).toBe(isRefused);
  });

  test('is nothing that a proxy could give', () => {
    const { track, nowMs } = watch(refusals);
    const member = memberSettings('a', { direct: false });
    expect(verdictOf({ ...track, member }, nowMs, detection)).toMatchObject({ dead: true, refused: false });
  });
});

describe('flapping', () => {
  const mostlyDown = times(16, [fresh(silent), fresh(silent), up]).flat();
  test('is dead when more than half of the last 30 looks failed', () => {
    expect(watch([...mostlyDown, fresh(silent)]).verdict).toMatchObject({ verdict: 'Silent', dead: true });
    expect(watch([...mostlyDown, fresh(silent)]).verdict.reason).toContain('more than half of the last 30 looks');
  });

  test('is not half of them', () => {
    const halfDown = times(50, [fresh(silent), up]).flat();
    expect(watch([...halfDown, fresh(silent)]).verdict.dead).toBe(false);
  });

  test('does not count looks within a grace', () => {
    const restarts = times(20, [fresh(rejected('57P03')), fresh(rejected('57P03')), up]).flat();
    expect(watch([...restarts, fresh(silent)]).verdict.dead).toBe(false);
  });

  test('ends when the share has fallen and the member answers', () => {
    const flapped = [...mostlyDown, fresh(silent)];
    expect(watch([...flapped, ...times(3, up)]).verdict.dead).toBe(true);
    expect(watch([...flapped, ...times(12, up)]).verdict).toMatchObject({ verdict: 'Up', dead: false });
  });

  test('is not what a long outage leaves behind', () => {
    const outage = [...times(30, up), ...times(100, fresh(silent)), ...times(2, up)];
    expect(watch([...outage, fresh(silent)]).verdict.dead).toBe(false);
  });
});

describe('late evidence', () => {
  test('changes nothing', () => {
    const { track } = watch([up, up, up]);
    for (const sequence of [0, 1, 2]) {
      expect(observe(track, evidence({ sequence, outcome: refused, startedAtMs: 9000 }), detection)).toBe(track);
    }
  });
});

describe('a doubt', () => {
  const doubted = doubt(watch([up]).track, 1500);
  const doubtAfter = (look: ScriptedLook) => observe(doubted, evidence({ sequence: 9, ...look }), detection).doubtAtMs;

  test('is answered by a new connection that began after it', () => {
    expect(doubtAfter(fresh(answered(), { startedAtMs: 1500, endedAtMs: 1501 }))).toBeNull();
  });

  test.each<readonly [string, ScriptedLook]>([
    ['one that was under way', fresh(answered(), { startedAtMs: 1499, endedAtMs: 1501 })],
    ['the standing session', standing(answered(), { startedAtMs: 1600, endedAtMs: 1601 })],
  ])('is not answered by %s', (_, look) => {
    expect(doubtAfter(look)).toBe(1500);
  });
});

test('a new track is due and knows nothing', () => {
  expect(newTrack(memberSettings('a'), 3)).toMatchObject({ index: 3, asked: false, answer: null, trouble: null });
});
