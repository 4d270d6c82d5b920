import type { Family } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { Resolution, ResolvedAddress, Resolver } from '../ports/resolver.ts';
import { type AddressPolicy, createAddressPolicy, normalizeAddress } from './address-policy.ts';
import { type KnownName, refreshName, unknownName } from './known-name.ts';
import { type Answer, createLookup, type Lookup } from './lookup.ts';

export interface ResolverOptions {
  readonly clock: Clock;
  /** `address` or `address:port` of DNS servers; empty: the system's. */
  readonly servers: readonly string[];
  readonly deniedCidrs: readonly string[];
  /** Default: DNS by c-ares. */
  readonly lookup?: Lookup;
}

/** How long a look waits for DNS when last good addresses could be probed meanwhile. */
const PATIENCE_MS = 250;
/** How long the slower family may keep back the answer of the faster one (RFC 8305 has 50 ms, for people who wait). */
const SECOND_FAMILY_MS = 250;
/** A name that nobody asked about for so long is forgotten, its last good addresses with it. */
const FORGET_MS = 10 * 60_000;

interface Entry {
  known: KnownName;
  refreshing: Promise<void> | null;
  askedAtMs: number;
}

/** @throws RangeError or TypeError when a server or a CIDR is malformed: the configuration is wrong, say it at start. */
export function createResolver(options: ResolverOptions): Resolver {
  const { clock } = options;
  const lookup = options.lookup ?? createLookup(clock, options.servers);
  const policy = createAddressPolicy(options.deniedCidrs);
  const entries = new Map<string, Entry>();

  const refresh = async (host: string, entry: Entry): Promise<void> => {
    const answers = await lookupBoth(clock, lookup, host);
    entry.known = refreshName(entry.known, answers, clock.monotonicMs());
    entry.refreshing = null;
  };

  return {
    resolve: async (host, signal) => {
      const literal = normalizeAddress(host);
      if (literal !== null) return toResolution([literal], true, null, policy);
      const entry = entryOf(entries, host.toLowerCase().replace(/\.$/, ''), clock.monotonicMs());
      if (clock.monotonicMs() >= entry.known.refreshAtMs) {
        entry.refreshing ??= refresh(host, entry);
        const patienceMs = patienceOf(entry.known);
        if (patienceMs > 0) await settled(clock, entry.refreshing, patienceMs, signal);
      }
      return view(entry, clock.monotonicMs(), policy);
    },
  };
}

function view({ known }: Entry, nowMs: number, policy: AddressPolicy): Resolution {
  const addresses = [...known.addresses.IPv4, ...known.addresses.IPv6].flatMap((text) => normalizeAddress(text) ?? []);
  const fresh = known.fresh && nowMs < known.refreshAtMs;
  return toResolution(addresses, fresh, fresh ? null : (known.problem ?? 'Timeout'), policy);
}

/** A name known to be failing is asked about behind the back of the look; nobody waits for a dead server twice. */
function patienceOf(known: KnownName): number {
  const hasLastGood = known.addresses.IPv4.length + known.addresses.IPv6.length > 0;
  if (!hasLastGood) return Number.POSITIVE_INFINITY;
  return known.problem === null ? PATIENCE_MS : 0;
}

function entryOf(entries: Map<string, Entry>, key: string, nowMs: number): Entry {
  for (const [name, entry] of entries) if (nowMs - entry.askedAtMs > FORGET_MS) entries.delete(name);
  const entry = entries.get(key) ?? { known: unknownName, refreshing: null, askedAtMs: nowMs };
  entry.askedAtMs = nowMs;
  entries.set(key, entry);
  return entry;
}

function toResolution(
  all: readonly ResolvedAddress[],
  fresh: boolean,
  problem: string | null,
  policy: AddressPolicy,
): Resolution {
  const unique = [...new Map(all.map((entry) => [entry.address, entry])).values()];
  return {
    addresses: unique.filter(({ address }) => !policy.isDenied(address)),
    fresh,
    problem,
    denied: unique.filter(({ address }) => policy.isDenied(address)).map(({ address }) => address),
  };
}

async function lookupBoth(clock: Clock, lookup: Lookup, host: string): Promise<Record<Family, Answer>> {
  const waits = new AbortController();
  const four = lookup(host, 'IPv4');
  const six = lookup(host, 'IPv6');
  const other = (first: Promise<Answer>, second: Promise<Answer>): Promise<Answer> =>
    first.then((answer) =>
      answer.kind === 'Addresses' ? within(clock, second, SECOND_FAMILY_MS, waits.signal) : second,
    );
  const [IPv4, IPv6] = await Promise.all([
    Promise.race([four, other(six, four)]),
    Promise.race([six, other(four, six)]),
  ]);
  waits.abort();
  return { IPv4, IPv6 };
}

async function within(clock: Clock, answer: Promise<Answer>, ms: number, signal: AbortSignal): Promise<Answer> {
  let late: Answer = { kind: 'Failed', problem: 'Timeout' };
  await settled(
    clock,
    answer.then((value) => {
      late = value;
    }),
    ms,
    signal,
  );
  return late;
}

/** Resolves when `work` has ended, `ms` have passed or `signal` is aborted, whichever comes first. */
function settled(clock: Clock, work: Promise<void>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener('abort', end);
      resolve();
    };
    const cancel = Number.isFinite(ms) ? clock.after(ms, end) : () => {};
    signal.addEventListener('abort', end, { once: true });
    void work.then(end);
    if (signal.aborted) end();
  });
}
