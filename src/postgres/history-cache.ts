import type { MemberFacts, TimelineSwitch } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';
import { type Access, openReplication } from './attempt.ts';
import { startDeadline } from './deadline.ts';
import { readTimelineHistory } from './timeline-history.ts';

/** An unreadable history (pg_hba.conf, walsenders used up) is asked for again after this, not at each look. */
const RETRY_MS = 60_000;
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
    const isEarly = this.#key === keyOf(facts) && this.#clock.monotonicMs() < this.#retryAtMs;
    if (known !== null || isEarly || !facts.rights.replication) return known;
    this.#key = keyOf(facts);
    this.#history = null;
    this.#retryAtMs = this.#clock.monotonicMs() + RETRY_MS;
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
