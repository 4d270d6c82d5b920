import type { Family } from '../api/evidence.ts';

export interface ResolvedAddress {
  readonly family: Family;
  readonly address: string;
}

export interface Resolution {
  /** In the order to try; possibly last good ones. Denied addresses are already left out. */
  readonly addresses: readonly ResolvedAddress[];
  /** Answered by DNS within the TTL just now, or an IP literal; false: last good kept because of `problem`. */
  readonly fresh: boolean;
  /** Why there is no fresh answer, e.g. `NXDOMAIN`, `SERVFAIL`, `Timeout`; null when fresh. */
  readonly problem: string | null;
  /** Addresses that `--denied-cidrs` forbids, for the message. */
  readonly denied: readonly string[];
}

/** Names to addresses: TTL-bounded, last good kept. Never rejects. */
export interface Resolver {
  resolve(host: string, signal: AbortSignal): Promise<Resolution>;
}
