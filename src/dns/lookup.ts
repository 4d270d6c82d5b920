import { Resolver as CAres } from 'node:dns/promises';
import type { Family } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';

/** What DNS said about one name in one family. */
export type Answer =
  | { readonly kind: 'Addresses'; readonly addresses: readonly string[]; readonly ttlMs: number }
  /** The name is known and has no address of this family. */
  | { readonly kind: 'Empty' }
  | { readonly kind: 'Failed'; readonly problem: string };

/** Asks DNS once; never rejects. */
export type Lookup = (host: string, family: Family) => Promise<Answer>;

/** c-ares: first try, then one more (or the next server). */
const TRY_MS = 1_000;
const TRIES = 2;
/** The wall-clock bound around both tries, whatever c-ares does. */
const LOOKUP_MS = 2_500;

const problems: ReadonlyMap<string, string> = new Map([
  ['ENOTFOUND', 'NXDOMAIN'],
  ['ESERVFAIL', 'SERVFAIL'],
  ['EREFUSED', 'REFUSED'],
  ['ETIMEOUT', 'Timeout'],
  ['ECONNREFUSED', 'ServerUnreachable'],
  ['EBADNAME', 'BadName'],
]);

/**
 * Lookups by c-ares: sockets of its own, never the thread pool that `getaddrinfo` blocks; the name is taken as fully
 * qualified (no search list) and the hosts file is not read. The TTL is the smallest along the CNAME chain.
 *
 * @param servers `address` or `address:port`; empty: the system's. An entry that is neither throws.
 */
export function createLookup(clock: Clock, servers: readonly string[]): Lookup {
  const cares = new CAres({ timeout: TRY_MS, tries: TRIES });
  if (servers.length > 0) cares.setServers(servers);
  return (host, family) => bounded(clock, ask(cares, host, family));
}

async function ask(cares: CAres, host: string, family: Family): Promise<Answer> {
  try {
    const records =
      family === 'IPv4' ? await cares.resolve4(host, { ttl: true }) : await cares.resolve6(host, { ttl: true });
    if (records.length === 0) return { kind: 'Empty' };
    const ttlSeconds = Math.min(...records.map((record) => record.ttl));
    return { kind: 'Addresses', addresses: records.map((record) => record.address), ttlMs: ttlSeconds * 1_000 };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'Unknown';
    if (code === 'ENODATA') return { kind: 'Empty' };
    return { kind: 'Failed', problem: problems.get(code) ?? code };
  }
}

function bounded(clock: Clock, answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve) => {
    const cancel = clock.after(LOOKUP_MS, () => resolve({ kind: 'Failed', problem: 'Timeout' }));
    void answer.then((value) => {
      cancel();
      resolve(value);
    });
  });
}
