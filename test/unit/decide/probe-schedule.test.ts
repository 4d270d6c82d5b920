import { describe, expect, test } from 'vitest';
import { nextProbe } from '../../../src/decide/probe-schedule.ts';
import { doubt } from '../../../src/decide/track.ts';
import {
  accepting,
  answered,
  type Behaviour,
  cutOff,
  detection,
  fresh,
  refused,
  rejected,
  sessionCut,
  sessionSilent,
  silent,
  standing,
  times,
  type WalkedLook,
  walk,
  watch,
} from '../../support/looks.ts';

const TIMEOUT_MS = 3000;
const healthy: Behaviour = (kind) =>
  kind === 'Startup' ? { outcome: accepting, tookMs: 1 } : { outcome: answered(), tookMs: 1, sessionAlive: true };
/** Healthy until `atMs`, then something else. */
const until = (atMs: number, then: Behaviour): Behaviour => {
  return (kind, nowMs) => (nowMs < atMs ? healthy(kind, nowMs) : then(kind, nowMs));
};
const crashed: Behaviour = (kind) =>
  kind === 'Standing' ? { outcome: sessionCut, tookMs: 1 } : { outcome: refused, tookMs: 1 };
const unplugged: Behaviour = (kind) => ({
  outcome: kind === 'Standing' ? sessionSilent : silent,
  tookMs: TIMEOUT_MS,
});
const startsOf = (looks: readonly WalkedLook[], kind: string) =>
  looks.filter((look) => look.kind === kind).map((look) => look.atMs);
const gaps = (looks: readonly WalkedLook[]) =>
  looks.slice(1).map((look, index) => look.atMs - (looks[index]?.endedAtMs ?? 0));

describe('a healthy member', () => {
  test('is looked at afresh first and at once', () => {
    expect(walk(healthy, 0).looks).toMatchObject([{ kind: 'Fresh', atMs: 0 }]);
  });

  test('is asked on the standing session each interval', () => {
    const { looks } = walk(healthy, 60_000);
    expect(startsOf(looks, 'Standing').length).toBeGreaterThanOrEqual(50);
    expect(Math.max(...gaps(looks))).toBeLessThanOrEqual(detection.intervalMs);
  });

  test('gets a new connection each 10 s', () => {
    expect(startsOf(walk(healthy, 45_000).looks, 'Fresh').map(Math.round)).toEqual([0, 10_000, 20_000, 30_000, 40_000]);
  });

  test('gets it at another moment than its neighbours', () => {
    const second = [0, 1, 2, 3, 4, 5].map((index) => startsOf(walk(healthy, 12_000, {}, { index }).looks, 'Fresh')[1]);
    const sorted = second.map(Number).toSorted((one, other) => one - other);
    const distances = sorted.slice(1).map((at, position) => at - (sorted[position] ?? 0));
    expect(Math.min(...distances)).toBeGreaterThan(500);
  });

  test('gets no more new connections than standing looks when the interval is long', () => {
    const { looks } = walk(healthy, 600_000, { intervalMs: 60_000 });
    expect(startsOf(looks, 'Fresh').length).toBeLessThanOrEqual(11);
  });

  test('is looked at four times a second in a hurry', () => {
    expect(walk(healthy, 10_000, {}, { hurry: true }).looks.length).toBeGreaterThanOrEqual(39);
  });

  test('is not looked at more slowly in a hurry', () => {
    expect(walk(healthy, 1000, { intervalMs: 100 }, { hurry: true }).looks.length).toBeGreaterThanOrEqual(10);
  });
});

describe('a member that dies', () => {
  test('is dead 50 ms after the first refusal', () => {
    const { looks } = walk(until(5500, crashed), 10_000);
    const firstRefusal = looks.find((look) => look.kind === 'Fresh' && look.atMs >= 5500);
    const dead = looks.find((look) => look.verdict.dead);
    expect(dead?.verdict.verdict).toBe('Refused');
    expect(Number(dead?.endedAtMs) - Number(firstRefusal?.endedAtMs)).toBeLessThanOrEqual(60);
  });

  test('is dead after about threshold x timeout of silence', () => {
    const { looks } = walk(until(5500, unplugged), 30_000);
    const firstSilence = looks.find((look) => look.atMs >= 5500);
    const dead = looks.find((look) => look.verdict.dead);
    expect(Number(dead?.endedAtMs) - Number(firstSilence?.atMs)).toBeLessThanOrEqual(3 * TIMEOUT_MS + 2 * 250);
  });

  test('is confirmed by bare startup exchanges after one full look', () => {
    const kinds = walk(until(5500, unplugged), 20_000)
      .looks.filter((look) => look.atMs >= 5500)
      .map((look) => look.kind);
    expect(kinds.slice(0, 4)).toEqual(['Standing', 'Fresh', 'Startup', 'Startup']);
  });

  test('is asked by full looks when it is silent behind the login', () => {
    const stuck: Behaviour = (kind) =>
      kind === 'Startup' ? { outcome: accepting, tookMs: 1 } : { outcome: sessionSilent, tookMs: TIMEOUT_MS };
    const { looks } = walk(until(5500, stuck), 20_000);
    expect(looks.some((look) => look.verdict.dead)).toBe(true);
    expect(startsOf(looks, 'Startup')).toEqual([]);
  });

  test('is dead although the standing session answers, when the postmaster is frozen', () => {
    const frozen: Behaviour = (kind) =>
      kind === 'Standing'
        ? { outcome: answered(), tookMs: 1, sessionAlive: true }
        : { outcome: silent, tookMs: TIMEOUT_MS, sessionAlive: true };
    const { looks } = walk(until(9500, frozen), 40_000);
    const firstSilence = looks.find((look) => look.kind === 'Fresh' && look.atMs >= 9500);
    const dead = looks.find((look) => look.verdict.dead);
    expect(Number(dead?.endedAtMs) - Number(firstSilence?.atMs)).toBeLessThanOrEqual(3 * TIMEOUT_MS + 1000);
    expect(looks.filter((look) => look.kind === 'Standing').at(-1)?.atMs).toBeGreaterThan(30_000);
  });
});

describe('a member that stays dead', () => {
  const { looks } = walk(until(5500, crashed), 120_000);
  const pauses = gaps(looks.slice(looks.findIndex((look) => look.verdict.dead)));

  test('is tried fast at first, then less and less, never less than each 5 s', () => {
    expect(pauses[0]).toBeLessThanOrEqual(250);
    expect(pauses.toSorted((one, other) => one - other)).toEqual(pauses);
    expect(pauses.at(-1)).toBe(5000);
  });

  test('is tried at times that differ by chance, never later', () => {
    const jittered = walk(until(5500, crashed), 120_000, {}, { random: () => 0.999 }).looks;
    const last = gaps(jittered).at(-1) ?? 0;
    expect(last).toBeGreaterThan(3900);
    expect(last).toBeLessThan(5000);
  });

  test('is looked at in full and at full pace from the first answer on', () => {
    const revived = walk(
      (kind, atMs) => (atMs < 5500 || atMs > 60_000 ? healthy(kind, atMs) : crashed(kind, atMs)),
      70_000,
    ).looks;
    const back = revived.filter((look) => look.atMs > 60_000);
    expect(back.slice(0, 3).map((look) => look.kind)).toEqual(['Startup', 'Fresh', 'Fresh']);
    expect(back[2]?.verdict.verdict).toBe('Up');
    expect(Number(back[2]?.endedAtMs) - Number(back[0]?.atMs)).toBeLessThanOrEqual(300);
    expect(back[3]?.kind).toBe('Standing');
  });
});

describe('doubt', () => {
  test('brings a fresh look at once', () => {
    const { track } = watch([fresh(answered()), standing(answered())]);
    expect(nextProbe(doubt(track, 2100), 2100, detection, () => 0, false)).toEqual({ atMs: 2100, kind: 'Fresh' });
  });

  test('brings no more than four a second when the server ends every session at once', () => {
    const { track } = watch([fresh(answered())]);
    expect(nextProbe(doubt(track, 1001), 1001, detection, () => 0, false)).toEqual({ atMs: 1250, kind: 'Fresh' });
  });

  test('brings a fresh look at once after a failed standing look', () => {
    const { track, nowMs } = watch([fresh(answered()), standing(sessionCut)]);
    expect(nextProbe(track, nowMs, detection, () => 0, false)).toEqual({ atMs: nowMs, kind: 'Fresh' });
  });

  test('asks the standing session at once when a new connection fails', () => {
    const { track, nowMs } = watch([
      fresh(answered()),
      standing(answered()),
      fresh(silent, { sessionAlive: true, afterMs: 100 }),
    ]);
    expect(nextProbe(track, nowMs, detection, () => 0, false)).toEqual({ atMs: nowMs, kind: 'Standing' });
  });
});

describe('a member that fails and lives', () => {
  const pauseAfter = (looks: Parameters<typeof watch>[0]) => {
    const { track, nowMs } = watch(looks);
    const next = nextProbe(track, nowMs, detection, () => 0, false);
    return { pauseMs: next.atMs - nowMs, kind: next.kind };
  };

  test.each<readonly [string, Parameters<typeof watch>[0], number, string]>([
    ['confirms a reset after 25 ms', [fresh(cutOff)], 25, 'Startup'],
    ['confirms silence after 250 ms', [fresh(silent)], 250, 'Startup'],
    ['asks a connection that is always reset each interval', times(9, fresh(cutOff)), 1000, 'Startup'],
    ['asks a starting server each interval', times(9, fresh(rejected('57P03'))), 1000, 'Startup'],
    [
      'asks a starting server each interval when it counts as dead',
      times(99, fresh(rejected('57P03'))),
      1000,
      'Startup',
    ],
    ['asks in full when the password is wrong', [fresh(rejected('28P01'))], 1000, 'Fresh'],
    ['asks less often while the password stays wrong', times(9, fresh(rejected('28P01'))), 5000, 'Fresh'],
    [
      'asks in full after a startup exchange was answered',
      [fresh(refused), { probe: 'Startup', outcome: accepting }],
      0,
      'Fresh',
    ],
    [
      'asks in full, soon, when our own machine could not open a connection',
      [fresh({ kind: 'NotAsked', why: 'LocalFault', detail: 'EMFILE' })],
      250,
      'Fresh',
    ],
  ])('%s', (_, looks, pauseMs, kind) => {
    expect(pauseAfter(looks)).toEqual({ pauseMs, kind });
  });

  test('is not confirmed in a tight loop when refusals and answers alternate', () => {
    const turns = times(30, [fresh(refused), { probe: 'Startup', outcome: accepting } as const]).flat();
    expect(pauseAfter([...turns, fresh(refused)])).toEqual({ pauseMs: 1000, kind: 'Startup' });
  });

  test('is told apart by new connections each interval while several servers answer', () => {
    const [one, other] = [fresh(answered({ startedAt: '1' })), fresh(answered({ startedAt: '2' }))];
    expect(pauseAfter([one, other, one])).toEqual({ pauseMs: 1000, kind: 'Fresh' });
  });
});
