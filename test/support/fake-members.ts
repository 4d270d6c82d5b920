/** PostgreSQL servers that do what a test tells them, and the way to them. */
import type { Evidence, MemberFacts, ProbeKind, ProbeOutcome } from '../../src/api/evidence.ts';
import type { Lsn } from '../../src/api/lsn.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { MemberConnector, MemberPort, MemberTarget } from '../../src/ports/members.ts';
import { facts, lsn } from './views.ts';

const ANSWER_MS = 1;
const PORT = 5432;

/** One server. Whoever looks at its address meets it, under whatever member name. */
export class FakeServer {
  readonly name: string;
  readonly address: string;
  state: 'Up' | 'Refused' | 'Silent' = 'Up';
  /** When set, new connections get this SQLSTATE. */
  rejects: string | null = null;
  facts: MemberFacts;
  readonly #sessionListeners = new Set<() => void>();

  constructor(name: string, address: string, isPrimary: boolean) {
    this.name = name;
    this.address = address;
    this.facts = facts({ startedAt: `run-1-of-${name}` });
    if (!isPrimary) this.#recover(1, lsn(5000));
  }

  onSessionEnd(listener: () => void): void {
    this.#sessionListeners.add(listener);
  }

  /** Nothing listens there any more. */
  kill(): void {
    this.state = 'Refused';
    this.endSessions();
  }

  /** Its host, or the way to it, is gone without a word. */
  cut(): void {
    this.state = 'Silent';
  }

  /** It answers again as it was. */
  heal(): void {
    this.state = 'Up';
    this.rejects = null;
  }

  /** Another run of the same server. */
  restart(): void {
    this.endSessions();
    this.state = 'Up';
    this.facts = { ...this.facts, startedAt: `${this.facts.startedAt}+` };
  }

  promote(timeline = this.facts.timeline + 1): void {
    const { history } = this.facts;
    const fork = { timeline: this.facts.timeline, endLsn: this.#position() };
    this.facts = {
      ...this.facts,
      inRecovery: false,
      timeline,
      history: [...(history ?? []), fork],
      currentLsn: this.#position(),
      receiver: null,
    };
  }

  setReadOnly(readOnly: boolean): void {
    this.facts = { ...this.facts, readOnly };
  }

  write(bytes: number): void {
    this.facts = { ...this.facts, currentLsn: lsn(Number(this.#position()) + bytes) };
  }

  /** Rewound and restarted as a standby of `primary`. */
  follow(primary: FakeServer): void {
    const { timeline, history, currentLsn } = primary.facts;
    this.restart();
    this.facts = { ...this.facts, history };
    this.#recover(timeline, currentLsn ?? lsn(5000), primary);
  }

  endSessions(): void {
    for (const listener of [...this.#sessionListeners]) listener();
  }

  #position(): Lsn {
    return this.facts.currentLsn ?? this.facts.replayLsn ?? lsn(5000);
  }

  #recover(timeline: number, position: Lsn, primary: FakeServer | null = null): void {
    this.facts = {
      ...this.facts,
      inRecovery: true,
      timeline,
      currentLsn: null,
      receiveLsn: position,
      replayLsn: position,
      replayAgeMs: 0,
      receiver: {
        status: 'streaming',
        senderHost: primary?.address ?? null,
        senderPort: PORT,
        slotName: null,
        receivedTimeline: timeline,
        latestEndLsn: position,
        lastMessageAgeMs: 10,
      },
    };
  }
}

export class FakeMembers implements MemberConnector {
  readonly #clock: Clock;
  readonly #servers: readonly FakeServer[];
  /** Looks at each server, by its name. */
  readonly looks: { readonly server: string; readonly kind: ProbeKind; readonly atMs: number }[] = [];

  constructor(clock: Clock, servers: readonly FakeServer[]) {
    this.#clock = clock;
    this.#servers = servers;
  }

  connect(target: MemberTarget): MemberPort {
    const clock = this.#clock;
    const ended = new AbortController();
    const server = this.#servers.find(({ address }) => address === target.host) ?? null;
    const lostListeners: (() => void)[] = [];
    let isOpen = false;
    let lost: string | null = null;
    let sequence = 0;
    let current = target;
    let answered: Evidence['answered'] = [];
    server?.onSessionEnd(() => {
      if (!isOpen || ended.signal.aborted) return;
      isOpen = false;
      lost = 'Reset';
      for (const listener of lostListeners) listener();
    });

    const look = async (kind: ProbeKind, timeoutMs: number, signal: AbortSignal): Promise<Evidence> => {
      const startedAtMs = clock.monotonicMs();
      const onSession = kind === 'Standing' && isOpen;
      this.looks.push({ server: server?.name ?? target.host, kind, atMs: startedAtMs });
      const waitMs = server === null || server.state === 'Silent' ? timeoutMs : ANSWER_MS;
      const both = AbortSignal.any([signal, ended.signal]);
      const aborted = await clock.sleep(waitMs, both).then(
        () => false,
        () => true,
      );
      const outcome = aborted ? notAsked : outcomeOf(server, kind, onSession, current);
      sequence += 1;
      if (outcome.kind === 'Answered') {
        isOpen = true;
        answered = [{ family: 'IPv4', address: target.host, atMs: clock.monotonicMs() }];
      }
      if (onSession && outcome.kind !== 'Answered' && !aborted) isOpen = false;
      const evidence: Evidence = {
        member: target.member,
        probe: kind,
        sequence,
        startedAtMs,
        endedAtMs: clock.monotonicMs(),
        outcome,
        timings: onSession ? { sql: ANSWER_MS } : { tcp: ANSWER_MS },
        address: target.host,
        addressFresh: true,
        answered,
        sessionLost: lost,
        sessionAlive: isOpen,
      };
      lost = null;
      return evidence;
    };

    return {
      probe: (kind, { timeoutMs, signal }) => look(kind, timeoutMs, signal),
      retarget: (next) => {
        current = next;
      },
      onSessionLost: (listener) => void lostListeners.push(listener),
      releaseSession: () => {
        isOpen = false;
      },
      close: () => ended.abort(),
    };
  }
}

const notAsked: ProbeOutcome = { kind: 'NotAsked', why: 'Aborted', detail: 'closed' };

function outcomeOf(server: FakeServer | null, kind: ProbeKind, onSession: boolean, target: MemberTarget): ProbeOutcome {
  if (target.access.kind === 'Unusable')
    return { kind: 'NotAsked', why: target.access.why, detail: target.access.detail };
  const layer = onSession ? 'sql' : 'tcp';
  if (server === null || server.state === 'Silent') return { kind: 'NoAnswer', why: 'Timeout', layer };
  if (server.state === 'Refused') return { kind: 'NoAnswer', why: onSession ? 'Reset' : 'Refused', layer };
  if (server.rejects !== null && !onSession) return { kind: 'Rejected', sqlState: server.rejects };
  return kind === 'Startup' ? { kind: 'Accepting' } : { kind: 'Answered', facts: server.facts };
}
