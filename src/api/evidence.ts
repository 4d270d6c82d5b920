/**
 * What one look at one member saw. The `postgres` room makes evidence, the `decide` room turns it into verdicts.
 * "I could not look" and "it is down" are different facts: every outcome says which.
 */
import type { Lsn } from './lsn.ts';

export type Family = 'IPv4' | 'IPv6';

/**
 * - `Standing`: one SQL round trip on the session that stays open.
 * - `Fresh`: new connection(s), authenticated, one SQL round trip; replaces the standing session if there is none.
 * - `Startup`: bare startup exchange (TCP, SSLRequest, startup packet): the first reply tells whether a postmaster accepts and forks.
 */
export type ProbeKind = 'Standing' | 'Fresh' | 'Startup';

/** The layer that a look reached; each has its own time. */
export type ProbeLayer = 'resolve' | 'tcp' | 'tls' | 'startup' | 'auth' | 'sql';
export type LayerTimings = Readonly<Partial<Record<ProbeLayer, number>>>;

export type ProbeOutcome =
  /** Authenticated and the probe's SQL returned. */
  | { readonly kind: 'Answered'; readonly facts: MemberFacts }
  /** A startup exchange that was answered with an authentication request (or a TLS/auth step): the postmaster accepts and forks. */
  | { readonly kind: 'Accepting' }
  /** PostgreSQL itself said no, with a SQLSTATE. */
  | { readonly kind: 'Rejected'; readonly sqlState: string }
  /** Nobody answered at `layer`. `Reset` is reset or EOF. */
  | { readonly kind: 'NoAnswer'; readonly why: 'Refused' | 'Reset' | 'Timeout' | 'NoRoute'; readonly layer: ProbeLayer }
  /** The certificate, the name in it, or TLS itself is not what `tls` asks for. `detail` is secret-free. */
  | {
      readonly kind: 'TlsFailed';
      readonly why: 'Expired' | 'WrongName' | 'UntrustedCa' | 'NotOffered' | 'ClientCertificate' | 'Other';
      readonly detail: string;
    }
  /** Something answers there that does not speak PostgreSQL's protocol. */
  | { readonly kind: 'NotPostgres'; readonly detail: string }
  /** We could not ask; never counts against the member. */
  | { readonly kind: 'NotAsked'; readonly why: NotAskedReason; readonly detail: string };

export type NotAskedReason =
  | 'Unresolvable'
  | 'DeniedAddress'
  | 'CredentialsMissing'
  | 'CredentialsMalformed'
  /** The look was cut short by its caller, by `close()`, or by a new target that left no time to look again. */
  | 'Aborted'
  /** This process could not open a socket (file descriptors or local ports used up). */
  | 'LocalFault';

/** One address of a member that answered with the member's identity, and when (monotonic ms). */
export interface AnsweredAddress {
  readonly family: Family;
  readonly address: string;
  readonly atMs: number;
}

export interface Evidence {
  readonly member: string;
  readonly probe: ProbeKind;
  /** Grows with each look at this member; a late answer with a smaller number is dropped. */
  readonly sequence: number;
  /** Monotonic milliseconds when the look started and ended. */
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: ProbeOutcome;
  readonly timings: LayerTimings;
  /** The address this outcome is about; null when none was known. */
  readonly address: string | null;
  /** Resolved within its TTL (an IP literal always is); false: a last good address was used. */
  readonly addressFresh: boolean;
  /**
   * Every address that answered the last answered looks with the same identity, at most one per family; the first is
   * the one to prefer. Kept, with its time, while the member does not answer at all.
   */
  readonly answered: readonly AnsweredAddress[];
  /** What ended the standing session since the last evidence: a SQLSTATE, or `Reset`; null when nothing did. */
  readonly sessionLost: string | null;
  /** True while the standing session is open and its last round trip succeeded. */
  readonly sessionAlive: boolean;
}

export interface ReceiverFacts {
  readonly status: string;
  readonly senderHost: string | null;
  readonly senderPort: number | null;
  readonly slotName: string | null;
  readonly receivedTimeline: number;
  readonly latestEndLsn: Lsn | null;
  /** Standby's clock minus the receipt of the last message; null before the first. */
  readonly lastMessageAgeMs: number | null;
}

export interface AttachedStandby {
  readonly applicationName: string;
  readonly clientAddress: string | null;
  readonly state: string;
  readonly syncState: string;
  readonly sentLsn: Lsn | null;
  readonly replayLsn: Lsn | null;
}

/** One line of a timeline history file: timeline `timeline` ended at `endLsn`. */
export interface TimelineSwitch {
  readonly timeline: number;
  readonly endLsn: Lsn;
}

/** What the monitoring role, and the admin role where there is one, may do here; read by the probe, never assumed. */
export interface MemberRights {
  /** Sees all columns of the replication views (pg_monitor). */
  readonly monitor: boolean;
  /** May read timeline history (replication attribute). */
  readonly replication: boolean;
}

export interface MemberFacts {
  readonly systemIdentifier: string;
  /** `pg_postmaster_start_time()` in microseconds since 1970, as text: identity of this run of the server. */
  readonly startedAt: string;
  /** `server_version_num`, e.g. 180004. */
  readonly serverVersion: number;
  readonly inRecovery: boolean;
  /** `default_transaction_read_only` of a new session: a read-only primary refuses writes although it is no standby. */
  readonly readOnly: boolean;
  /** Primary: timeline of the current WAL file. Standby: the received timeline, else the control file's. */
  readonly timeline: number;
  /** Timelines this one descends from, oldest first; null when unreadable (rights) or not asked. `[]` on timeline 1. */
  readonly history: readonly TimelineSwitch[] | null;
  readonly currentLsn: Lsn | null;
  readonly receiveLsn: Lsn | null;
  readonly replayLsn: Lsn | null;
  /** Age of the last replayed transaction by the standby's own clock; null on a primary or before the first. */
  readonly replayAgeMs: number | null;
  readonly replayPaused: boolean;
  readonly receiver: ReceiverFacts | null;
  readonly standbys: readonly AttachedStandby[];
  readonly synchronousStandbyNames: string;
  readonly walReceiverTimeoutMs: number;
  readonly rights: MemberRights;
  /** Failover managers with sessions here, e.g. `Patroni`, `repmgrd`, `pg_auto_failover`. */
  readonly otherControllers: readonly string[];
}
