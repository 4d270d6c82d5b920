/**
 * The world's address plan. All of 10.77.0.0/16 and fd77::/64 is local to the namespace, so that any address in it can
 * be listened on without further ado; loopback itself will not do, because EndpointSlices refuse it.
 */
export const GATEWAY = '10.77.0.1';
export const GATEWAY6 = 'fd77::1';
export const DNS_ADDRESS = '10.77.0.53';
export const CONTROL_ADDRESS = '10.77.0.2';
export const CONTROL_PORT = 8080;
export const API_PORT = 6443;
export const SERVICE_CIDRS = ['10.96.0.0/16', 'fd96::/108'] as const;
export const POSTGRES_PORT = 5432;
export const MAX_MEMBERS = 16;

/** The group of the command line's `--members`; groups of tests count from 1. */
export const DEFAULT_GROUP = 0;
export const MAX_GROUP = 120;

export interface MemberAddresses {
  readonly address: string;
  readonly address6: string;
  /** A second IPv4 address of the same server, for replication that survives a cut of `address`. */
  readonly replicationAddress: string;
}

/** Addresses of member `index` (from 0) of group `group`: 10.77.<group>.11 and up. */
export function memberAddresses(group: number, index: number): MemberAddresses {
  const host = 11 + index;
  return {
    address: `10.77.${group}.${host}`,
    address6: group === DEFAULT_GROUP ? `fd77::${host}` : `fd77::${group}:${host}`,
    replicationAddress: `10.77.${128 + group}.${host}`,
  };
}

/** An address of group `group` for a test's own listener (proxy, DNS server, webhook): `host` from 100 to 250. */
export function groupAddress(group: number, host: number): string {
  return `10.77.${group}.${host}`;
}
