import type { Evidence, ProbeKind } from '../api/evidence.ts';

export type TlsMode = 'Disable' | 'Require' | 'VerifyCA' | 'VerifyFull';

export interface TlsMaterial {
  readonly mode: TlsMode;
  /** The name to find in the certificate (default: host). */
  readonly serverName: string | null;
  /** PEM; null: the system's authorities. */
  readonly ca: string | null;
  readonly clientCertificate: { readonly cert: string; readonly key: string } | null;
}

export interface RoleCredentials {
  readonly user: string;
  /** Empty: the role has none and shows a client certificate. */
  readonly password: string;
}

/** Credentials as last read; a problem is data, not an exception, and never holds a secret. */
export type MonitorAccess =
  | { readonly kind: 'Usable'; readonly credentials: RoleCredentials; readonly tls: TlsMaterial }
  | {
      readonly kind: 'Unusable';
      readonly why: 'CredentialsMissing' | 'CredentialsMalformed';
      readonly detail: string;
    };

export interface MemberTarget {
  readonly member: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly access: MonitorAccess;
}

/** One member over the wire. Looks never reject: what goes wrong is evidence. */
export interface MemberPort {
  /**
   * One look, bounded by `timeoutMs` of wall time whatever the peer does. The caller keeps at most one in flight.
   * `Standing` without an open session is carried out as `Fresh`.
   */
  probe(kind: ProbeKind, options: { readonly timeoutMs: number; readonly signal: AbortSignal }): Promise<Evidence>;
  /** Takes effect at the next connection; the standing session is dropped when what it was opened with changed. */
  retarget(target: MemberTarget): void;
  /** Called when the standing session ends between looks (57P01, reset): a reason to look afresh at once. */
  onSessionLost(listener: () => void): void;
  /** Closes the standing session: a server in a smart shutdown waits for every session, and ours is one. */
  releaseSession(): void;
  close(): void;
}

export interface MemberConnector {
  connect(target: MemberTarget): MemberPort;
}
