import { describe, expect, test } from 'vitest';
import type { ProbeOutcome } from '../../../src/api/evidence.ts';
import type { ResolvedAddress } from '../../../src/ports/resolver.ts';
import { bestFirst, raceAddresses } from '../../../src/postgres/address-race.ts';
import { startDeadline } from '../../../src/postgres/deadline.ts';
import { failureOf } from '../../../src/postgres/outcome.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const accepting: ProbeOutcome = { kind: 'Accepting' };
const rejected: ProbeOutcome = { kind: 'Rejected', sqlState: '57P03' };
const noAnswer = (why: 'Refused' | 'Reset' | 'Timeout' | 'NoRoute'): ProbeOutcome => ({
  kind: 'NoAnswer',
  why,
  layer: 'tcp',
});
const refused = noAnswer('Refused');
const silent = noAnswer('Timeout');

interface Script {
  /** null: says nothing until its time is over. */
  readonly outcome: ProbeOutcome | null;
  readonly afterMs?: number;
}
const four = (address: string): ResolvedAddress => ({ family: 'IPv4', address });
const six = (address: string): ResolvedAddress => ({ family: 'IPv6', address });

/** Races scripted addresses on a clock of its own; the time it took comes with the results. */
async function race(
  scripts: ReadonlyMap<ResolvedAddress, Script>,
  { proven = [] as readonly string[], timeoutMs = 3_000 } = {},
) {
  const clock = new FakeClock();
  const startedAtMs = clock.monotonicMs();
  const tried: string[] = [];
  const discarded: string[] = [];
  const deadline = startDeadline(clock, timeoutMs, []);
  let endedAtMs = Number.NaN;
  const racing = raceAddresses({
    clock,
    addresses: [...scripts.keys()],
    isProven: (address) => proven.includes(address),
    attempt: (entry, signal) =>
      new Promise<{ address: string; outcome: ProbeOutcome }>((resolve) => {
        const { address } = entry;
        const { outcome, afterMs = 0 } = scripts.get(entry) ?? { outcome: null };
        tried.push(`${address} at ${clock.monotonicMs() - startedAtMs}`);
        const cancel = outcome === null ? () => {} : clock.after(afterMs, () => resolve({ address, outcome }));
        signal.addEventListener('abort', () => {
          cancel();
          resolve({ address, outcome: failureOf(signal.reason, 'tcp') });
        });
      }),
    discard: ({ address }) => discarded.push(address),
    deadline,
  }).then((results) => {
    endedAtMs = clock.monotonicMs();
    return results;
  });
  await clock.advance(timeoutMs + 1);
  const results = await racing;
  deadline.end('Aborted');
  expect(clock.pending).toBe(0);
  return { results: results.map(({ outcome }) => outcome), tookMs: endedAtMs - startedAtMs, tried, discarded };
}

describe('within a family', () => {
  test('the first address alone is asked when it answers in time', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: accepting, afterMs: 50 }],
        [four('b'), { outcome: accepting }],
      ]),
    );
    expect(run).toMatchObject({ results: [accepting], tried: ['a at 0'], tookMs: 50 });
  });

  test('the next is asked as soon as one has failed', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: refused, afterMs: 10 }],
        [four('b'), { outcome: accepting, afterMs: 5 }],
      ]),
    );
    expect(run).toMatchObject({ results: [accepting], tried: ['a at 0', 'b at 10'], tookMs: 15 });
  });

  test('the next is asked beside a silent one, and the silent one is given up', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: null }],
        [four('b'), { outcome: accepting, afterMs: 5 }],
      ]),
    );
    expect(run).toMatchObject({ results: [accepting], tried: ['a at 0', 'b at 100'], tookMs: 105, discarded: ['a'] });
  });

  test('a rejection is an answer: PostgreSQL spoke', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: rejected }],
        [four('b'), { outcome: accepting }],
      ]),
    );
    expect(run).toMatchObject({ results: [rejected], tried: ['a at 0'] });
  });

  test('at most four addresses are asked', async () => {
    const many = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => [four(name), { outcome: refused }] as const);
    expect((await race(new Map(many))).tried).toHaveLength(4);
  });
});

describe('between families', () => {
  test('both that answer are told', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: accepting, afterMs: 20 }],
        [six('b'), { outcome: accepting, afterMs: 60 }],
      ]),
    );
    expect(run).toMatchObject({ results: [accepting, accepting], tookMs: 60 });
  });

  test.each([
    ['that never answered gets at least 50 ms', [], 10, 60],
    ['that never answered gets as long again as the faster one took', [], 400, 800],
    ['that answered before gets the time of a lost SYN', ['b'], 10, 1_210],
  ])('a silent one %s', async (_, proven, afterMs, tookMs) => {
    const scripts = new Map([
      [four('a'), { outcome: accepting, afterMs }],
      [six('b'), { outcome: null }],
    ]);
    expect(await race(scripts, { proven })).toMatchObject({ results: [accepting, silent], tookMs });
  });

  test.each([
    ['has time after a refused login', '28000', [{ kind: 'Rejected', sqlState: '28000' }, accepting], 300],
    ['has none after a server that is starting', '57P03', [{ kind: 'Rejected', sqlState: '57P03' }, silent], 60],
  ])('a far family that never answered %s in the other', async (_, sqlState, results, tookMs) => {
    const run = await race(
      new Map([
        [four('a'), { outcome: { kind: 'Rejected', sqlState }, afterMs: 10 }],
        [six('b'), { outcome: accepting, afterMs: 300 }],
      ]),
    );
    expect(run).toMatchObject({ results, tookMs });
  });

  test('a refused login does not wait to the end for silence', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: { kind: 'Rejected', sqlState: '28P01' }, afterMs: 10 }],
        [six('b'), { outcome: null }],
      ]),
    );
    expect(run.tookMs).toBe(1_210);
  });

  test('a refusal does not wait for a family that never answered', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: refused }],
        [six('b'), { outcome: null }],
      ]),
      { proven: ['a'] },
    );
    expect(run).toMatchObject({ results: [refused, silent], tookMs: 50 });
  });

  test('a refusal waits to the end for a family that answered before', async () => {
    const run = await race(
      new Map([
        [four('a'), { outcome: refused }],
        [six('b'), { outcome: null }],
      ]),
      {
        proven: ['a', 'b'],
      },
    );
    expect(run).toMatchObject({ results: [refused, silent], tookMs: 3_000 });
  });
});

describe('the most telling outcome', () => {
  const order = (outcomes: readonly (readonly [string, ProbeOutcome])[], proven: readonly string[]) =>
    bestFirst(
      outcomes.map(([address, outcome]) => ({ address, outcome })),
      (address) => proven.includes(address),
    ).map(({ address }) => address);

  test.each([
    [
      'an answer before a refusal',
      [
        ['a', refused],
        ['b', accepting],
      ],
      [],
      'b',
    ],
    [
      'a rejection before silence',
      [
        ['a', silent],
        ['b', rejected],
      ],
      ['a'],
      'b',
    ],
    [
      'silence before refusal where both answered before',
      [
        ['a', refused],
        ['b', silent],
      ],
      ['a', 'b'],
      'b',
    ],
    [
      'refusal before silence where neither did',
      [
        ['a', silent],
        ['b', refused],
      ],
      [],
      'b',
    ],
    [
      'refusal where it answered before silence where it never did',
      [
        ['a', silent],
        ['b', refused],
      ],
      ['b'],
      'b',
    ],
    [
      'silence before a family without route',
      [
        ['a', noAnswer('NoRoute')],
        ['b', silent],
      ],
      [],
      'b',
    ],
    [
      'a reset before silence',
      [
        ['a', silent],
        ['b', noAnswer('Reset')],
      ],
      ['a', 'b'],
      'b',
    ],
    [
      'evidence before what we could not ask',
      [
        ['a', { kind: 'NotAsked', why: 'LocalFault', detail: '' }],
        ['b', noAnswer('NoRoute')],
      ],
      [],
      'b',
    ],
  ] as const)('%s', (_, outcomes, proven, first) => {
    expect(order(outcomes, proven)[0]).toBe(first);
  });
});
