import type { MemberFacts, TimelineSwitch } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';
import { type Access, openReplication } from './attempt.ts';
import { startDeadline } from './deadline.ts';
import { readTimelineHistory } from './timeline-history.ts';

/**
 * An unreadable history is asked for again: soon, because a new primary in its first busy moments just had no time, and
 * ever more rarely, because pg_hba.conf may forbid it for good.
 */
const RETRY = { initialMs: 250, factor: 2, maxMs: 60_000 } as const;
/** An answered look must not become a failed one for want of its history. */
const READ_MS = 1_000;

type History = readonly TimelineSwitch[];

/**
 * Timeline histories of one member. A history never changes while the member stays the same run of the same cluster;
 * two members may hold different histories of the same timeline number, so nothing is shared between members.
 */
export class HistoryCache {
  readonly #clock: Clock;
  #key = '';
  #history: History | null = null;
  #failures = 0;
  #retryAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  known(facts: MemberFacts): History | null {
    if (facts.timeline === 1) return [];
    return this.#key === keyOf(facts) ? this.#history : null;
  }

  /** Reads the history if it is unknown and the role may; null otherwise, and on any trouble. */
  async read(
    facts: MemberFacts,
    access: Access,
    address: ResolvedAddress,
    remainingMs: number,
    signal: AbortSignal,
  ): Promise<History | null> {
    const known = this.known(facts);
    const isSame = this.#key === keyOf(facts);
    const isEarly = isSame && this.#clock.monotonicMs() < this.#retryAtMs;
    if (known !== null || isEarly || !facts.rights.replication) return known;
    this.#key = keyOf(facts);
    this.#failures = isSame ? this.#failures + 1 : 0;
    this.#retryAtMs =
      this.#clock.monotonicMs() + Math.min(RETRY.maxMs, RETRY.initialMs * RETRY.factor ** this.#failures);
    this.#history = await this.#ask(facts.timeline, access, address, remainingMs, signal);
    return this.#history;
  }

  async #ask(
    timeline: number,
    access: Access,
    address: ResolvedAddress,
    remainingMs: number,
    signal: AbortSignal,
  ): Promise<History | null> {
    const deadline = startDeadline(this.#clock, Math.min(READ_MS, remainingMs), [signal]);
    try {
      const session = await openReplication(access, address, deadline.signal);
      try {
        return await readTimelineHistory(session, timeline, deadline.signal);
      } finally {
        session.close();
      }
    } catch {
      // Whatever went wrong, the look itself was answered: the fact "history unknown" is all there is to say.
      return null;
    } finally {
      deadline.end('Aborted');
    }
  }
}

function keyOf({ systemIdentifier, startedAt, timeline }: MemberFacts): string {
  return `${systemIdentifier} ${startedAt} ${timeline}`;
}
