import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GroupSettings, ReadSettings } from '../../../src/api/settings.ts';
import { type MemberView, verdicts } from '../../../src/api/verdict.ts';
import { nextReadSet, type ReadSet, type ReadSetContext } from '../../../src/decide/read-set.ts';
import { dead, memberSettings, primary, settings, standby, unasked } from '../../support/views.ts';

const read: ReadSettings = {
  service: 'orders-ro',
  port: 5432,
  maxReplayLagMs: 10_000,
  leaveLagMs: 15_000,
  dwellMs: 5000,
  whenNoneFit: 'Primary',
  prefer: 'Any',
};

interface Step {
  readonly views: readonly MemberView[];
  readonly atMs?: number;
  readonly context?: Partial<ReadSetContext>;
}

/** Evaluates the steps one after another, a second apart unless they say when. */
function run(steps: readonly Step[], over: Partial<ReadSettings> = {}, group: Partial<GroupSettings> = {}): ReadSet {
  let result: ReadSet | null = null;
  steps.forEach(({ views, atMs, context }, index) => {
    const names = views.map((view) => view.name);
    result = nextReadSet(
      (result as ReadSet | null)?.state ?? null,
      views,
      { ...read, ...over },
      {
        nowMs: atMs ?? index * 1000,
        settings: settings(names, group),
        primary: 'a',
        primaryKnown: true,
        quarantined: new Set(),
        ...context,
      },
    );
  });
  if (result === null) throw new Error('no step');
  return result;
}

const rw = primary('a');
const lagging = (name: string, lagMs: number | null) => standby(name, { lagMs });
const readersOf = (...args: Parameters<typeof run>) => run(...args).readers;
/** The same views from `fromMs` on, each second, for `forMs`. */
const during = (fromMs: number, forMs: number, step: Step): readonly Step[] =>
  Array.from({ length: forMs / 1000 + 1 }, (_, index) => ({ ...step, atMs: fromMs + index * 1000 }));
const fits = { views: [rw, standby('b'), standby('c')] };

describe('the first evaluation', () => {
  test('waits until every member has been asked', () => {
    const { state, readers } = run([{ views: [rw, standby('b'), unasked('c')] }]);
    expect([state.isFormed, readers]).toEqual([false, []]);
  });

  test('takes in what fits, without a dwell, in the order of the spec', () => {
    expect(readersOf([fits])).toEqual(['b', 'c']);
    expect(readersOf([{ views: [standby('c'), rw, lagging('b', 10_000)] }])).toEqual(['c', 'b']);
  });

  test('takes them in although the primary is down: they were published before this process started', () => {
    const views = [dead('a'), standby('b'), standby('c')];
    expect(readersOf([{ views, context: { primaryKnown: false } }])).toEqual(['b', 'c']);
  });

  test('takes in standbys by their own lag where there never was a primary', () => {
    const views = [standby('b'), lagging('c', 60_000)];
    const context = { primary: null, primaryKnown: false, neverHadPrimary: true };
    expect(readersOf([{ views, context }])).toEqual(['b']);
  });
});

describe('joining', () => {
  const away = { views: [rw, standby('b'), lagging('c', 12_000)] };
  test('takes a lag within maxReplayLag for the dwell', () => {
    expect(readersOf([away, ...during(1000, 4000, fits)])).toEqual(['b']);
    expect(readersOf([away, ...during(1000, 5000, fits)])).toEqual(['b', 'c']);
  });

  test('begins anew when the lag rises above maxReplayLag', () => {
    const steps = [away, ...during(1000, 4000, fits), { ...away, atMs: 6000 }, ...during(7000, 4000, fits)];
    expect(readersOf(steps)).toEqual(['b']);
  });

  test('does not happen between the two limits', () => {
    expect(readersOf([away, ...during(1000, 60_000, away)])).toEqual(['b']);
  });

  test('does not happen without a known lag', () => {
    expect(readersOf([{ views: [rw, standby('b'), lagging('c', null)] }])).toEqual(['b']);
  });

  test('does not happen while the primary is unknown, and at once when it is known again', () => {
    const unknown = { views: [dead('a'), standby('b'), standby('c')], context: { primaryKnown: false } };
    expect(readersOf([away, ...during(1000, 20_000, unknown)])).toEqual(['b']);
    expect(readersOf([away, ...during(1000, 20_000, unknown), { ...fits, atMs: 22_000 }])).toEqual(['b', 'c']);
  });

  test('is possible by own lag where there never was a primary', () => {
    const context = { primary: null, primaryKnown: false, neverHadPrimary: true };
    const first = { views: [standby('b'), lagging('c', 60_000)], context };
    expect(readersOf([first, ...during(1000, 5000, { views: [standby('b'), standby('c')], context })])).toEqual([
      'b',
      'c',
    ]);
  });

  test('needs no dwell for a member that was added to the spec', () => {
    const added = { views: [rw, standby('b'), unasked('c')] };
    expect(readersOf([{ views: [rw, standby('b')] }, added])).toEqual(['b']);
    expect(readersOf([{ views: [rw, standby('b')] }, added, fits])).toEqual(['b', 'c']);
    const unknown = { views: [dead('a'), standby('b'), standby('c')], context: { primaryKnown: false } };
    expect(readersOf([{ views: [rw, standby('b')] }, added, unknown])).toEqual(['b']);
  });
});

describe('leaving', () => {
  const late = (lagMs: number | null): Step => ({ views: [rw, standby('b'), lagging('c', lagMs)] });
  test.each<readonly [string, readonly Step[], readonly string[]]>([
    ['takes a lag above leaveLag for the dwell', [fits, ...during(1000, 4000, late(15_001))], ['b', 'c']],
    ['happens when that has lasted for the dwell', [fits, ...during(1000, 5000, late(15_001))], ['b']],
    ['does not happen between the two limits', [fits, ...during(1000, 60_000, late(15_000))], ['b', 'c']],
    [
      'begins anew when the lag falls to leaveLag',
      [fits, ...during(1000, 4000, late(16_000)), { ...late(15_000), atMs: 6000 }, ...during(7000, 4000, late(16_000))],
      ['b', 'c'],
    ],
    ['happens after the dwell when the lag is unknown', [fits, ...during(1000, 5000, late(null))], ['b']],
  ])('%s', (_, steps, readers) => {
    expect(readersOf(steps)).toEqual(readers);
  });

  test.each(verdicts.filter((verdict) => verdict !== 'Up' && verdict !== 'Reset'))('is at once when %s', (verdict) => {
    const gone = standby('c', { verdict, standby: false, lostAtMs: 1000, lagMs: null });
    expect(readersOf([fits, { views: [rw, standby('b'), gone], atMs: 1000 }])).toEqual(['b']);
  });

  test('waits for the look after a reset, and no longer', () => {
    const reset = standby('c', { verdict: 'Reset', standby: false, lostAtMs: 1000, lagMs: null });
    const views = [rw, standby('b'), reset];
    expect(readersOf([fits, { views, atMs: 1000 }, { views, atMs: 1250 }])).toEqual(['b', 'c']);
    expect(readersOf([fits, { views, atMs: 1000 }, { views, atMs: 1251 }])).toEqual(['b']);
    expect(readersOf([fits, { views, atMs: 1000 }, { ...fits, atMs: 1010 }])).toEqual(['b', 'c']);
    expect(readersOf([{ views }])).toEqual(['b']);
    const later = { views: [rw, standby('b'), { ...reset, lostAtMs: 5000 }], atMs: 5000 };
    expect(readersOf([fits, ...during(1000, 3000, late(16_000)), later, { ...late(16_000), atMs: 6000 }])).toEqual([
      'b',
    ]);
  });

  test('is at once when it was promoted or quarantined', () => {
    expect(readersOf([fits, { views: [rw, standby('b'), primary('c')] }])).toEqual(['b']);
    expect(readersOf([fits, { ...fits, context: { quarantined: new Set(['c']) } }])).toEqual(['b']);
  });
});

describe('whenNoneFit', () => {
  const none = { views: [rw, lagging('b', 60_000), lagging('c', 50_000)] };
  const lost = { views: [dead('a'), ...none.views.slice(1)], context: { primaryKnown: false } };
  const doubtful = { ...lost, views: [dead('a', { dead: false }), ...none.views.slice(1)] };

  test.each<readonly [ReadSettings['whenNoneFit'], Step, readonly string[]]>([
    ['Primary', none, ['a']],
    ['LeastLagged', none, ['c']],
    ['None', none, []],
    ['Primary', doubtful, ['a']],
    ['Primary', lost, ['c']],
    ['LeastLagged', lost, ['c']],
    ['None', lost, []],
    ['Primary', { ...none, context: { primary: null, primaryKnown: false } }, ['c']],
    ['Primary', { ...none, context: { quarantined: new Set(['a', 'c']) } }, ['b']],
    ['Primary', { views: [primary('a', { verdict: 'Ambiguous', writable: false })] }, []],
    ['LeastLagged', { views: [rw, dead('b'), dead('c')] }, []],
    ['LeastLagged', { views: [rw, dead('b'), lagging('c', null)] }, ['c']],
  ])('%s (case %#)', (whenNoneFit, step, readers) => {
    expect(readersOf([step], { whenNoneFit })).toEqual(readers);
  });

  test('keeps the stand-in while another is only a little better', () => {
    const turned = (lagMs: number) => ({ views: [rw, lagging('b', lagMs), lagging('c', 50_000)] });
    expect(readersOf([none, turned(45_000)], { whenNoneFit: 'LeastLagged' })).toEqual(['c']);
    expect(readersOf([none, turned(44_000)], { whenNoneFit: 'LeastLagged' })).toEqual(['b']);
  });

  test('ends when a standby fits', () => {
    expect(readersOf([none, ...during(1000, 5000, fits)])).toEqual(['b', 'c']);
  });
});

describe('a group of one', () => {
  test.each(['Primary', 'LeastLagged', 'None'] as const)(
    'reads from its primary (%s), also while that is down',
    (whenNoneFit) => {
      expect(readersOf([{ views: [rw] }], { whenNoneFit })).toEqual(['a']);
      expect(readersOf([{ views: [dead('a')], context: { primaryKnown: false } }], { whenNoneFit })).toEqual(['a']);
    },
  );

  test('reads from a standby where there is no primary', () => {
    expect(readersOf([{ views: [standby('b')], context: { primary: null, primaryKnown: false } }])).toEqual(['b']);
  });
});

describe('prefer SameRegion', () => {
  const group = {
    region: 'fra',
    members: [
      memberSettings('a', { region: 'fra' }),
      memberSettings('b', { region: 'iad' }),
      memberSettings('c', { region: 'fra' }),
    ],
  };
  const near = { prefer: 'SameRegion' } as const;

  test('leaves out what is elsewhere while something near fits', () => {
    const { readers, why } = run([fits], near, group);
    expect(readers).toEqual(['c']);
    expect(why.b).toBe('out: it fits, and members in region fra are preferred');
  });

  test('takes what is elsewhere when nothing near fits', () => {
    expect(readersOf([{ views: [rw, standby('b'), dead('c')] }], near, group)).toEqual(['b']);
  });

  test('takes all when the operator does not know its region', () => {
    expect(readersOf([fits], near, { ...group, region: null })).toEqual(['b', 'c']);
  });
});

test('says of every member why it is in or out, without numbers that change', () => {
  const { why } = run([
    {
      views: [rw, standby('b'), lagging('c', 12_345), dead('d'), standby('e')],
      context: { quarantined: new Set(['e']) },
    },
  ]);
  expect(why).toEqual({
    a: 'out: it is the primary',
    b: 'in: its replay lag is within maxReplayLag (10s)',
    c: 'out: its replay lag is above maxReplayLag (10s)',
    d: 'out: it is not Up (Refused)',
    e: 'out: quarantined: it was deposed and has not rejoined',
  });
});

test('never reads from a member that is barred, whatever happened before', () => {
  const view = (name: string) =>
    fc
      .record({
        verdict: fc.constantFrom(...verdicts),
        inRecovery: fc.boolean(),
        lagMs: fc.constantFrom(null, 0, 12_000, 20_000),
        asked: fc.constantFrom(true, true, true, false),
      })
      .map(({ verdict, inRecovery, lagMs, asked }) => {
        const isUp = verdict === 'Up';
        const over = {
          verdict,
          lagMs,
          asked,
          writable: isUp && !inRecovery,
          standby: isUp && inRecovery,
          lostAtMs: isUp ? null : 0,
        };
        return standby(name, over, { inRecovery });
      });
  const step = fc.record({
    views: fc.tuple(view('a'), view('b'), view('c')),
    quarantined: fc.subarray(['a', 'b', 'c']),
    primaryKnown: fc.boolean(),
  });
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 1, maxLength: 20 }),
      fc.constantFrom('Primary', 'LeastLagged', 'None'),
      (steps, whenNoneFit) => {
        const scripted = steps.map(({ views, quarantined, primaryKnown }) => ({
          views,
          context: { quarantined: new Set(quarantined), primaryKnown },
        }));
        const last = steps.at(-1);
        for (const name of readersOf(scripted, { whenNoneFit })) {
          const reader = last?.views.find((seen) => seen.name === name);
          expect(last?.quarantined).not.toContain(name);
          expect(['Ambiguous', 'WrongCluster', 'DuplicateMember']).not.toContain(reader?.verdict);
          if (name !== 'a') expect(reader?.standby).toBe(true);
        }
      },
    ),
  );
});
