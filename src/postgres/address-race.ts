import type { Family, ProbeOutcome } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';
import { type Deadline, startDeadline } from './deadline.ts';

export interface Tried {
  readonly address: string;
  readonly outcome: ProbeOutcome;
}

export interface RaceOptions<T extends Tried> {
  readonly clock: Clock;
  /** In the order to try. */
  readonly addresses: readonly ResolvedAddress[];
  /** Addresses that answered as this member before: their silence means something. */
  readonly isProven: (address: string) => boolean;
  /** Never rejects; ends soon after its signal is aborted. */
  readonly attempt: (address: ResolvedAddress, signal: AbortSignal) => Promise<T>;
  /** Frees what an attempt holds whose result is not among those returned. */
  readonly discard: (result: T) => void;
  readonly deadline: Deadline;
}

/** Within a family the next address is tried after so long, or as soon as the one before has failed. */
const STAGGER_MS = 100;
/** A name with more records than this is no member; more would be a way to make the operator scan. */
const MAX_PER_FAMILY = 4;
/** The slower family gets as long again as the faster one took, and at least this. */
const MIN_GRACE_MS = 50;
/** A family that answered before gets the time of a lost SYN, which is sent again after a second (RFC 6298). */
const PROVEN_GRACE_MS = 1_200;

/**
 * pg_hba.conf may let in one family alone, and says no in half the round trips that a login takes: the other family, which
 * may be far away, is then given as much time as one that answered before.
 */
function isLoginRefused(outcome: ProbeOutcome): boolean {
  return outcome.kind === 'Rejected' && outcome.sqlState.startsWith('28');
}

/**
 * Both families at the same time, one result per family. Once one family has its result, the other is given up after
 * a grace: a family that is blackholed must not make each look last until its deadline. Only when the first result is
 * silence or refusal, and the other family has answered before, is it waited for to the end.
 */
export async function raceAddresses<T extends Tried>(options: RaceOptions<T>): Promise<readonly T[]> {
  const families = (['IPv4', 'IPv6'] as const)
    .map((family) => options.addresses.filter((entry) => entry.family === family).slice(0, MAX_PER_FAMILY))
    .filter((addresses) => addresses.length > 0);
  const startedAtMs = options.clock.monotonicMs();
  const stops = families.map(() =>
    startDeadline(options.clock, options.deadline.remainingMs(), [options.deadline.signal]),
  );
  const cancels: (() => void)[] = [];
  const results = await Promise.all(
    families.map(async (addresses, index) => {
      const stop = stops[index] ?? options.deadline;
      const result = await tryInTurn(options, addresses, stop);
      const tookMs = options.clock.monotonicMs() - startedAtMs;
      for (const [other, otherStop] of stops.entries()) {
        const otherAddresses = families[other] ?? [];
        if (other === index || mustWait(options, result.outcome, otherAddresses)) continue;
        const isOwed =
          isLoginRefused(result.outcome) || otherAddresses.some(({ address }) => options.isProven(address));
        const graceMs = Math.max(isOwed ? PROVEN_GRACE_MS : MIN_GRACE_MS, tookMs);
        cancels.push(options.clock.after(graceMs, () => otherStop.end('Timeout')));
      }
      return result;
    }),
  );
  for (const cancel of cancels) cancel();
  return results;
}

/** The most telling of several outcomes first; what a proven address did counts for more than an unproven one. */
export function bestFirst<T extends Tried>(
  results: readonly T[],
  isProven: (address: string) => boolean,
): readonly T[] {
  return [...results].sort((a, b) => rank(a.outcome, isProven(a.address)) - rank(b.outcome, isProven(b.address)));
}

const kindRanks: Readonly<Record<Exclude<ProbeOutcome['kind'], 'NoAnswer'>, number>> = {
  Answered: 0,
  Accepting: 1,
  Rejected: 2,
  TlsFailed: 3,
  NotPostgres: 4,
  NotAsked: 20,
};
/** At proven addresses the claim that proves least goes first: one silent address forbids to call the member refused. */
const provenRanks = { Reset: 5, Timeout: 6, Refused: 7, NoRoute: 8 } as const;
/** An address that never answered may never have been reachable: its silence says less than a refusal elsewhere. */
const unprovenRanks = { Reset: 10, Refused: 11, Timeout: 12, NoRoute: 13 } as const;

function rank(outcome: ProbeOutcome, proven: boolean): number {
  if (outcome.kind === 'NoAnswer') return (proven ? provenRanks : unprovenRanks)[outcome.why];
  return kindRanks[outcome.kind];
}

function mustWait<T extends Tried>(
  { isProven }: RaceOptions<T>,
  first: ProbeOutcome,
  others: readonly { readonly family: Family; readonly address: string }[],
): boolean {
  const isNoAnswer = first.kind === 'NoAnswer' || first.kind === 'NotAsked';
  return isNoAnswer && others.some(({ address }) => isProven(address));
}

async function tryInTurn<T extends Tried>(
  { clock, attempt, discard, isProven }: RaceOptions<T>,
  addresses: readonly ResolvedAddress[],
  stop: Deadline,
): Promise<T> {
  const running: Promise<T>[] = [];
  let first: T | null = null;
  for (const [index, address] of addresses.entries()) {
    const tried = attempt(address, stop.signal);
    running.push(tried);
    first = await firstSpoken(clock, running, index === addresses.length - 1 ? null : STAGGER_MS, tried);
    if (first !== null) break;
  }
  stop.end('Timeout');
  const results = await Promise.all(running);
  const best = first ?? bestFirst(results, isProven)[0];
  if (best === undefined) throw new RangeError('a family without addresses was raced');
  for (const result of results) if (result !== best) discard(result);
  return best;
}

/**
 * The first of `running` that was spoken to. `null` once `latest` has failed, `ms` have passed (`null`: no limit), or
 * all have failed.
 */
function firstSpoken<T extends Tried>(
  clock: Clock,
  running: readonly Promise<T>[],
  ms: number | null,
  latest: Promise<T>,
): Promise<T | null> {
  return new Promise((resolve) => {
    const settle = (result: T | null): void => {
      cancel();
      resolve(result);
    };
    const cancel = ms === null ? () => {} : clock.after(ms, () => settle(null));
    for (const result of running) void result.then((value) => isSpoken(value.outcome) && settle(value));
    if (ms !== null) void latest.then((value) => isSpoken(value.outcome) || settle(null));
    void Promise.all(running).then((values) => settle(values.find((value) => isSpoken(value.outcome)) ?? null));
  });
}

function isSpoken({ kind }: ProbeOutcome): boolean {
  return kind === 'Answered' || kind === 'Accepting' || kind === 'Rejected';
}
