/** What evidence means. Made by `decide`, shown by `report` and `telemetry`. */
import type { AnsweredAddress, MemberFacts } from './evidence.ts';
import type { Lsn } from './lsn.ts';

/** Design section 4's table; `Unknown` before the first look ended, `NotAsked` when our own side is at fault. */
export const verdicts = [
  'Unknown',
  'Up',
  'Refused',
  'Reset',
  'Silent',
  'Stopping',
  'Starting',
  'Overloaded',
  'Misconfigured',
  'TlsFailed',
  'Unresolvable',
  'NotPostgres',
  'WrongCluster',
  'DuplicateMember',
  'Ambiguous',
  'WriteStalled',
] as const;
export type Verdict = (typeof verdicts)[number];

/**
 * - `Alive`: heard from the primary since this observer lost sight of it.
 * - `Lost`: streamed from it and no longer does; consistent with death, no evidence of it.
 * - `Undecided`: still streaming, silent.
 */
export type WitnessVote = 'Alive' | 'Lost' | 'Undecided' | 'NoVote';

/** Everything the rules need to know of one member, as of one moment. */
export interface MemberView {
  readonly name: string;
  readonly verdict: Verdict;
  /** The sentence behind the verdict: what was seen, at which layer, since when. Secret-free. */
  readonly reason: string;
  /** The verdict has lasted past its threshold and grace: counts as dead. */
  readonly dead: boolean;
  /**
   * Nothing listens there: refused past the threshold and the standing session over, whatever grace still runs. No server
   * in a smart shutdown refuses (it answers 57P03). Never true behind a proxy (`direct: false`).
   */
  readonly refused: boolean;
  /** Monotonic ms since which the member has not been `Up`; null while it is. */
  readonly lostAtMs: number | null;
  /** At least one look has ended. */
  readonly asked: boolean;
  /** Facts of the last answer, however old; null before the first. */
  readonly facts: MemberFacts | null;
  /** Monotonic ms of the last answer. */
  readonly factsAtMs: number | null;
  /** Monotonic ms at which the look of that answer began: what it says may be as old. */
  readonly factsFromMs: number | null;
  /** Verdict is `Up` and the last answer says: not in recovery and not read-only. */
  readonly writable: boolean;
  /** Monotonic ms of the first answer in a row that said so; null when the last answer does not. */
  readonly writableSinceMs: number | null;
  /** Verdict is `Up` and the last answer says: in recovery. */
  readonly standby: boolean;
  /** Addresses that answered, at most one per family, preferred first; as of the last answer. */
  readonly answered: readonly AnsweredAddress[];
  /** Replay lag in ms against the newest known primary LSN; null when unknown or not a standby. */
  readonly lagMs: number | null;
  readonly lagBytes: number | null;
  readonly lsn: Lsn | null;
  readonly witness: WitnessVote;
}
