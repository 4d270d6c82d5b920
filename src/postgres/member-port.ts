import type { Evidence, LayerTimings, MemberFacts, ProbeKind, ProbeOutcome } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { MemberPort, MemberTarget } from '../ports/members.ts';
import type { Resolution, ResolvedAddress, Resolver } from '../ports/resolver.ts';
import { bestFirst, raceAddresses } from './address-race.ts';
import { AnsweredAddresses } from './answered-addresses.ts';
import { type Access, type Attempt, attemptFresh, attemptStartup, queryFacts } from './attempt.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { HistoryCache } from './history-cache.ts';
import { startLayers } from './layer-timer.ts';
import { failureOf } from './outcome.ts';
import { ProbeFailure } from './probe-failure.ts';
import { sessionSettings } from './probe-sql.ts';
import { type Standing, StandingSession } from './standing-session.ts';
import { prepareTls } from './tls.ts';

/** What one look gave, before it becomes evidence. */
interface Look {
  readonly probe: ProbeKind;
  readonly outcome: ProbeOutcome;
  readonly timings: LayerTimings;
  readonly address: string | null;
  readonly addressFresh: boolean;
}

interface LookRequest {
  readonly kind: ProbeKind;
  readonly timeoutMs: number;
  readonly deadline: Deadline;
}

export interface MemberPortOptions {
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly target: MemberTarget;
}

/**
 * One member over the wire.
 *
 * The standing session opens with a fresh look that was answered while there is none; it ends when a look on it fails,
 * when the server ends it, when the name no longer resolves to its address, and when the target changes. A look that a
 * change of target overtook is done again: what it saw belongs to credentials or a host that are no longer meant.
 */
export class PostgresMemberPort implements MemberPort {
  readonly #clock: Clock;
  readonly #resolver: Resolver;
  readonly #standing = new StandingSession();
  readonly #histories: HistoryCache;
  readonly #closing = new AbortController();
  #target: MemberTarget;
  #access: Access | null = null;
  /** The look that runs, or the last one: a change of target ends it. */
  #looking: Deadline | null = null;
  #sequence = 0;
  readonly #answered: AnsweredAddresses;

  constructor({ clock, resolver, target }: MemberPortOptions) {
    this.#clock = clock;
    this.#resolver = resolver;
    this.#target = target;
    this.#histories = new HistoryCache(clock);
    this.#answered = new AnsweredAddresses(clock);
  }

  async probe(
    kind: ProbeKind,
    { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<Evidence> {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const startedAtMs = this.#clock.monotonicMs();
    const deadline = startDeadline(this.#clock, timeoutMs, [signal, this.#closing.signal]);
    try {
      const look = await this.#lookAtLatestTarget({ kind, timeoutMs, deadline });
      return {
        member: this.#target.member,
        sequence,
        startedAtMs,
        endedAtMs: this.#clock.monotonicMs(),
        ...look,
        answered: this.#answered.all,
        sessionLost: this.#standing.takeLost(),
        sessionAlive: this.#standing.current !== null,
      };
    } finally {
      deadline.end('Aborted');
    }
  }

  retarget(target: MemberTarget): void {
    const before = this.#target;
    this.#target = target;
    if (openedWith(before) === openedWith(target)) return;
    this.#access = null;
    this.#looking?.end('Aborted');
    this.#standing.drop();
    if (before.host !== target.host || before.port !== target.port) this.#answered.forget();
  }

  onSessionLost(listener: () => void): void {
    this.#standing.onLost(listener);
  }

  releaseSession(): void {
    this.#standing.drop();
  }

  close(): void {
    this.#closing.abort();
    this.#standing.drop();
  }

  async #lookAtLatestTarget(request: LookRequest): Promise<Look> {
    for (let isOvertaken = false; ; isOvertaken = true) {
      const target = this.#target;
      const deadline = startDeadline(this.#clock, request.deadline.remainingMs(), [request.deadline.signal]);
      this.#looking = deadline;
      const look = await this.#look({ ...request, deadline }, target).finally(() => deadline.end('Aborted'));
      const isCurrent = openedWith(target) === openedWith(this.#target);
      // A new target that had only the rest of the time to answer in is not thereby silent.
      const isUnfair = isOvertaken && look.outcome.kind === 'NoAnswer' && look.outcome.why === 'Timeout';
      if (isCurrent && !isUnfair) return look;
      if (!isCurrent && !request.deadline.signal.aborted) continue;
      const detail = 'what the member is reached with changed during the look';
      return notAsked(request.kind, { kind: 'NotAsked', why: 'Aborted', detail });
    }
  }

  async #look(request: LookRequest, target: MemberTarget): Promise<Look> {
    const { kind, deadline } = request;
    if (target.access.kind === 'Unusable') {
      return notAsked(kind, { kind: 'NotAsked', why: target.access.why, detail: target.access.detail });
    }
    const layers = startLayers(this.#clock, 'resolve');
    const resolution = await this.#resolver.resolve(target.host, deadline.signal);
    const timings = layers.timings();
    this.#forgetMoved(resolution);
    if (resolution.addresses.length === 0) return { ...notAsked(kind, unreachable(target, resolution)), timings };
    const standing = this.#standing.current;
    const look =
      kind === 'Standing' && standing !== null
        ? await this.#lookStanding(standing, request, target)
        : await this.#lookFresh(kind === 'Startup' ? 'Startup' : 'Fresh', request, target, resolution);
    return { ...look, timings: { ...timings, ...look.timings }, addressFresh: resolution.fresh };
  }

  async #lookStanding(standing: Standing, { timeoutMs, deadline }: LookRequest, target: MemberTarget): Promise<Look> {
    const layers = startLayers(this.#clock, 'sql');
    const about = { probe: 'Standing', address: standing.at.address, addressFresh: false } as const;
    try {
      const settings = standing.settingsForMs === timeoutMs ? '' : sessionSettings(timeoutMs);
      const facts = await this.#standing.ask(() => queryFacts(standing.session, settings, deadline.signal));
      standing.settingsForMs = timeoutMs;
      this.#answered.noteStanding(facts, standing.at);
      const timings = layers.timings();
      // A promotion is mostly met here, and must not wait for the next fresh look to be proven.
      const history = await this.#historyOf(facts, this.#accessTo(target), standing.at, deadline);
      return { ...about, outcome: { kind: 'Answered', facts: { ...facts, history } }, timings };
    } catch (error) {
      const outcome = failureOf(error, 'sql');
      this.#standing.dropFailed(standing, outcome);
      return { ...about, outcome, timings: layers.timings() };
    }
  }

  async #lookFresh(
    kind: 'Fresh' | 'Startup',
    { timeoutMs, deadline }: LookRequest,
    target: MemberTarget,
    resolution: Resolution,
  ): Promise<Look> {
    const access = this.#accessTo(target);
    if (access instanceof ProbeFailure) return notAsked(kind, access.outcome);
    const isProven = (address: string): boolean => this.#answered.has(address);
    const attempts = await raceAddresses<Attempt>({
      clock: this.#clock,
      addresses: this.#answered.preferred(resolution.addresses),
      isProven,
      attempt: (address, signal) =>
        kind === 'Fresh' ? attemptFresh(access, address, timeoutMs, signal) : attemptStartup(access, address, signal),
      discard: (attempt) => attempt.session?.close(),
      deadline,
    });
    const [best, ...others] = bestFirst(attempts, isProven);
    if (best === undefined) throw new RangeError('a name without addresses was raced');
    for (const other of others) other.session?.close();
    const outcome = await this.#settle(best, others, access, target, timeoutMs, deadline);
    return { probe: kind, outcome, timings: best.timings, address: best.address, addressFresh: resolution.fresh };
  }

  async #historyOf(
    facts: MemberFacts,
    access: Access | ProbeFailure,
    at: ResolvedAddress,
    deadline: Deadline,
  ): Promise<MemberFacts['history']> {
    if (access instanceof ProbeFailure) return this.#histories.known(facts);
    return this.#histories.read(facts, access, at, deadline.remainingMs(), deadline.signal);
  }

  /** Books an answer: addresses, history, and the session, which stays if there is none. */
  async #settle(
    best: Attempt,
    others: readonly Attempt[],
    access: Access,
    target: MemberTarget,
    timeoutMs: number,
    deadline: Deadline,
  ): Promise<ProbeOutcome> {
    const { outcome, session } = best;
    if (outcome.kind !== 'Answered' || session === null) return outcome;
    if (openedWith(target) !== openedWith(this.#target) || this.#closing.signal.aborted) {
      session.close();
      return outcome;
    }
    const same = others.filter((other) => identityOf(other.outcome) === identityOf(outcome));
    const lives = others.filter((other) => other.outcome.kind === 'Rejected');
    this.#answered.noteFresh(outcome.facts, [best, ...same], new Set(lives.map(({ address }) => address)));
    if (this.#standing.current === null) {
      this.#standing.adopt({ session, at: best, settingsForMs: timeoutMs });
    } else {
      session.close();
    }
    const history = await this.#historyOf(outcome.facts, access, best, deadline);
    return { kind: 'Answered', facts: { ...outcome.facts, history } };
  }

  /** A name that now leads elsewhere: the session at the old address no longer speaks for the member. */
  #forgetMoved({ addresses, fresh }: Resolution): void {
    if (!fresh) return;
    const standing = this.#standing.current;
    if (standing !== null && addresses.every(({ address }) => address !== standing.at.address)) this.#standing.drop();
    this.#answered.keepOnly(addresses);
  }

  #accessTo({ host, port, database, access }: MemberTarget): Access | ProbeFailure {
    if (this.#access !== null) return this.#access;
    if (access.kind === 'Unusable') {
      return new ProbeFailure({ kind: 'NotAsked', why: access.why, detail: access.detail });
    }
    try {
      const security = prepareTls(access.tls, host);
      this.#access = { clock: this.#clock, port, database, credentials: access.credentials, security };
      return this.#access;
    } catch (error) {
      return error instanceof ProbeFailure ? error : new ProbeFailure(failureOf(error, 'tls'));
    }
  }
}

function identityOf(outcome: ProbeOutcome): string | null {
  return outcome.kind === 'Answered' ? `${outcome.facts.systemIdentifier} ${outcome.facts.startedAt}` : null;
}

/** Equal texts: a session opened with the one is as good as one opened with the other. Never shown to anybody. */
function openedWith({ host, port, database, access }: MemberTarget): string {
  return JSON.stringify([host, port, database, access]);
}

function notAsked(probe: ProbeKind, outcome: ProbeOutcome): Look {
  return { probe, outcome, timings: {}, address: null, addressFresh: false };
}

function unreachable({ host }: MemberTarget, { denied, problem }: Resolution): ProbeOutcome {
  if (denied.length > 0) {
    const detail = `${host} leads only to addresses that --denied-cidrs forbids: ${denied.join(', ')}`;
    return { kind: 'NotAsked', why: 'DeniedAddress', detail };
  }
  return { kind: 'NotAsked', why: 'Unresolvable', detail: `${host} does not resolve: ${problem ?? 'no address'}` };
}
