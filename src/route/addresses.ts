/** Addresses as slices hold them: one spelling each, and only those that the API server accepts there. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { Family } from '../api/evidence.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';

/** Ranges in which the API server refuses the addresses of a slice (ValidateNonSpecialIP), and mapped ones. */
const REFUSED: ReadonlySet<string> = new Set([
  'unspecified',
  'loopback',
  'linkLocal',
  'multicast',
  'broadcast',
  'ipv4Mapped',
]);

/** One spelling per address; text that is no address is returned as it is. */
export function canonicalAddress(text: string): string {
  return isIP(text) === 0 ? text : ipaddr.parse(text).toString();
}

/** Why the address cannot stand in a slice, or null when it can. */
export function refusal(address: string): string | null {
  if (isIP(address) === 0) return 'no IP address';
  const range = ipaddr.parse(address).range();
  return REFUSED.has(range) ? range : null;
}

/** The address of that family which a slice may hold, or null. */
export function publishable(addresses: readonly ResolvedAddress[], family: Family): string | null {
  const found = addresses.find((candidate) => candidate.family === family && refusal(candidate.address) === null);
  return found === undefined ? null : canonicalAddress(found.address);
}

/** Identity of a server behind a Service: the same address with another port is another server. */
export function serverKey(address: string, port: number | null): string {
  return `${canonicalAddress(address)} ${port ?? 'every port'}`;
}
