/**
 * Leader election on a Lease, by the rules of client-go, with a doubt-first reading of every clock.
 *
 * - Candidate: reads the Lease each retry period. Takes it when it is free: never held, released, ours from before, or
 *   unchanged for its whole duration by *our own* monotonic clock (times written by others are never compared).
 * - Leading: renews each retry period with the last resourceVersion as precondition. A lost answer shows as a conflict
 *   with our own write, which is read and adopted. Ends by: renew deadline, another holder, deletion, a stall, release.
 * - Stopping: the term's signal is aborted; no new term before `workStopped` resolves. After two seconds `onWorkStuck` is
 *   called, where the process should exit.
 * - Released (final): the Lease is emptied, but only if the work has stopped; otherwise it expires by itself.
 */
import { RESOURCES } from '../api/resources.ts';
import type { Clock, Random } from '../ports/clock.ts';
import { type CallOptions, KubeError, type KubeErrorCode, type Leadership } from '../ports/kube.ts';
import { withDeadline } from './deadline.ts';
import type { KubeObserver } from './kube-observer.ts';
import type { LeaseRecord, LeaseStore, StoredLease } from './lease-store.ts';
import { elapsedMs, LeaseTerm, type LossReason, type Mark, markNow } from './lease-term.ts';
import { JITTER, type LeaseTimes, requireSafeTimes } from './lease-times.ts';
import { guardStalls } from './stall-guard.ts';

const WORK_GRACE_MS = 2_000;
/** What a released Lease says, as in client-go: nobody has to wait for it. */
const RELEASED_DURATION_MS = 1_000;
/** For requests that nothing but their deadline ends. */
const NEVER = new AbortController().signal;

export interface ElectorParts {
  readonly store: LeaseStore;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: KubeObserver;
  /** Unique to this process, e.g. pod name and a random part: a restarted process must not pass for its predecessor. */
  readonly identity: string;
  readonly times: LeaseTimes;
  /** Resolves when nothing of the last term runs any more; asked after the term's signal was aborted. */
  readonly workStopped: () => Promise<void>;
  /** The work did not stop within two seconds although the term is over. */
  readonly onWorkStuck: () => void;
}

export interface LeaseStatus {
  readonly identity: string;
  /** As last read; null when free or not read yet. */
  readonly holder: string | null;
  readonly transitions: number;
  readonly leading: boolean;
  /** Why the last term of this process ended; null before. */
  readonly lastLoss: LossReason | null;
}

export class Elector implements Leadership {
  readonly #parts: ElectorParts;
  readonly #requestMs: number;
  readonly #listeners: ((leading: boolean) => void)[] = [];
  readonly #stopping = new AbortController();
  #term: LeaseTerm | null = null;
  #held: StoredLease | null = null;
  #observed: { readonly lease: StoredLease; readonly atMs: number } | null = null;
  #problem: KubeErrorCode | null = null;
  #lastLoss: LossReason | null = null;
  #loop: Promise<void> = Promise.resolve();
  #stopGuard: () => void = () => {};

  constructor(parts: ElectorParts) {
    requireSafeTimes(parts.times);
    this.#parts = parts;
    // Below the retry period, so that a hung request never delays the next.
    this.#requestMs = parts.times.retryPeriodMs * 0.75;
  }

  start(): void {
    const { clock, times } = this.#parts;
    const limits = { everyMs: times.retryPeriodMs / 2, toleranceMs: times.renewDeadlineMs / 2 };
    this.#stopGuard = guardStalls(clock, limits, () => this.#endTerm('Stalled'));
    this.#loop = this.#run();
  }

  isLeader(): boolean {
    return this.remainingMs() > 0;
  }

  remainingMs(): number {
    return this.#term?.remainingMs() ?? 0;
  }

  termSignal(): AbortSignal | null {
    return this.isLeader() ? (this.#term?.signal ?? null) : null;
  }

  onChange(listener: (leading: boolean) => void): void {
    this.#listeners.push(listener);
  }

  status(): LeaseStatus {
    const lease = this.#observed?.lease ?? null;
    return {
      identity: this.#parts.identity,
      holder: lease?.holder ?? null,
      transitions: lease?.transitions ?? 0,
      leading: this.isLeader(),
      lastLoss: this.#lastLoss,
    };
  }

  /** Ends leadership, waits for the work, then frees the Lease so that others need not wait. True: freed, or not ours. */
  async release(): Promise<boolean> {
    const { store, identity } = this.#parts;
    this.#stopping.abort();
    this.#stopGuard();
    this.#endTerm('Released');
    if (!(await this.#workStopsInTime())) return false;
    await this.#loop;
    try {
      const lease = await this.#request(NEVER, (options) => store.read(options));
      if (lease?.holder !== identity) return true;
      const record = { ...this.#recordAfter(lease), holder: null, durationMs: RELEASED_DURATION_MS };
      this.#observe(await this.#request(NEVER, (options) => store.replace(lease, record, options)));
      return true;
    } catch (error) {
      this.#tell(error);
      return false;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let term = await this.#compete(); term !== null; term = await this.#compete()) {
      await this.#hold(term);
      while (!(await this.#workStopsInTime()) && !signal.aborted) this.#parts.onWorkStuck();
    }
  }

  /** Null: stopping. */
  async #compete(): Promise<LeaseTerm | null> {
    const { clock, random, times } = this.#parts;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const term = await this.#tryToTake();
      if (term !== null) return term;
      const pauseMs = times.retryPeriodMs * (1 + JITTER * random());
      const freeInMs = this.#freeInMs();
      // Rejects only when stopping.
      await clock.sleep(freeInMs > 0 ? Math.min(pauseMs, freeInMs) : pauseMs, signal).catch(() => undefined);
    }
    return null;
  }

  async #tryToTake(): Promise<LeaseTerm | null> {
    const { store, clock } = this.#parts;
    const { signal } = this.#stopping;
    try {
      const lease = await this.#request(signal, (options) => store.read(options));
      if (lease !== null) this.#observe(lease);
      if (lease !== null && this.#freeInMs() > 0) {
        this.#tell(null);
        return null;
      }
      const sent = markNow(clock);
      const record = this.#recordAfter(lease);
      const won = await this.#request(signal, (options) =>
        lease === null ? store.create(record, options) : store.replace(lease, record, options),
      );
      return this.#beginTerm(won, sent);
    } catch (error) {
      if (!(isLostRace(error) || signal.aborted)) this.#tell(error);
      return null;
    }
  }

  /** Returns when the term is over. */
  async #hold(term: LeaseTerm): Promise<void> {
    const { clock, times } = this.#parts;
    let nextAtMs = clock.monotonicMs() + times.retryPeriodMs;
    while (!term.signal.aborted) {
      // Rejects only when the term ends.
      await clock.sleep(Math.max(0, nextAtMs - clock.monotonicMs()), term.signal).catch(() => undefined);
      nextAtMs = clock.monotonicMs() + times.retryPeriodMs;
      // A conflict is mostly our own write whose answer was lost: it is looked at at once.
      if (!term.signal.aborted && (await this.#renew(term)) === 'Conflict') await this.#renew(term);
    }
  }

  async #renew(term: LeaseTerm): Promise<'Done' | 'Conflict'> {
    const { store, clock, identity } = this.#parts;
    try {
      const held = this.#held ?? (await this.#request(term.signal, (options) => store.read(options)));
      if (held !== null) this.#observe(held);
      if (held?.holder !== identity) {
        this.#endTerm(held === null ? 'Deleted' : 'Taken');
        return 'Done';
      }
      const sent = markNow(clock);
      const record = this.#recordAfter(held);
      // Until the answer is here, what is stored is not known.
      this.#held = null;
      this.#held = await this.#request(term.signal, (options) => store.replace(held, record, options));
      this.#observe(this.#held);
      term.confirm(sent);
      this.#tell(null);
    } catch (error) {
      if (term.signal.aborted) return 'Done';
      if (isLostRace(error)) return 'Conflict';
      if (error instanceof KubeError && error.code === 'NotFound') this.#endTerm('Deleted');
      else this.#tell(error);
    }
    return 'Done';
  }

  #beginTerm(won: StoredLease, sent: Mark): LeaseTerm | null {
    const { clock, times } = this.#parts;
    this.#observe(won);
    this.#tell(null);
    if (this.#stopping.signal.aborted || elapsedMs(clock, sent) >= times.renewDeadlineMs) return null;
    this.#held = won;
    const term = new LeaseTerm(clock, times.renewDeadlineMs, sent, () => this.#endTerm('Expired'));
    this.#term = term;
    this.#notify(true);
    return term;
  }

  #endTerm(why: LossReason): void {
    const term = this.#term;
    if (term === null) return;
    this.#term = null;
    this.#lastLoss = why;
    term.end(why);
    this.#notify(false);
  }

  #notify(leading: boolean): void {
    for (const listener of this.#listeners) {
      try {
        listener(leading);
      } catch (error) {
        this.#parts.observer.listenerFailed(RESOURCES.lease.plural, error);
      }
    }
  }

  #observe(lease: StoredLease): void {
    if (this.#observed?.lease.resourceVersion === lease.resourceVersion) return;
    this.#observed = { lease, atMs: this.#parts.clock.monotonicMs() };
  }

  /** 0: may be taken now, as far as the last look tells. */
  #freeInMs(): number {
    const { clock, identity, times } = this.#parts;
    if (this.#observed === null) return 0;
    const { lease, atMs } = this.#observed;
    if (lease.holder === null || lease.holder === identity) return 0;
    // The holder counts by the duration that it wrote, whatever ours is.
    const durationMs = lease.durationMs > 0 ? lease.durationMs : times.leaseDurationMs;
    return Math.max(0, atMs + durationMs - clock.monotonicMs());
  }

  #recordAfter(previous: StoredLease | null): LeaseRecord {
    const { clock, identity, times } = this.#parts;
    const renewedAt = clock.now();
    const same = previous?.holder === identity;
    return {
      holder: identity,
      durationMs: times.leaseDurationMs,
      transitions: previous === null ? 0 : previous.transitions + (same ? 0 : 1),
      acquiredAt: same ? previous.acquiredAt : renewedAt,
      renewedAt,
    };
  }

  #request<T>(signal: AbortSignal, call: (options: CallOptions) => Promise<T>): Promise<T> {
    const limit = { ms: this.#requestMs, signal, what: 'lease' };
    return withDeadline(this.#parts.clock, limit, (inner) => call({ signal: inner, deadlineMs: this.#requestMs }));
  }

  async #workStopsInTime(): Promise<boolean> {
    const limit = { ms: WORK_GRACE_MS, signal: NEVER, what: 'the work of the last term' };
    try {
      await withDeadline(this.#parts.clock, limit, () => this.#parts.workStopped());
      return true;
    } catch {
      // Not stopped in time, or nobody can tell: the same to us, and the caller acts on it.
      return false;
    }
  }

  /** Reports a change of what is wrong, not each failure. */
  #tell(error: unknown): void {
    const problem =
      error === null || error instanceof KubeError
        ? error
        : new KubeError('Unavailable', 'unexpected error', null, { cause: error });
    if (this.#problem === (problem?.code ?? null)) return;
    this.#problem = problem?.code ?? null;
    this.#parts.observer.leaseProblem(problem);
  }
}

function isLostRace(error: unknown): boolean {
  return error instanceof KubeError && (error.code === 'Conflict' || error.code === 'AlreadyExists');
}
