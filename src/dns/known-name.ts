import type { Family } from '../api/evidence.ts';
import type { Answer } from './lookup.ts';

/** What is known of one name; immutable, replaced by each refresh. */
export interface KnownName {
  readonly addresses: Readonly<Record<Family, readonly string[]>>;
  /** Every address came with the last refresh. */
  readonly fresh: boolean;
  readonly problem: string | null;
  /** Monotonic ms from which DNS is asked again. */
  readonly refreshAtMs: number;
}

export const unknownName: KnownName = {
  addresses: { IPv4: [], IPv6: [] },
  fresh: false,
  problem: null,
  refreshAtMs: Number.NEGATIVE_INFINITY,
};

/** A TTL of 0 would ask DNS at each look of every member. */
const MIN_TTL_MS = 1_000;
/** A record with a TTL of hours would hide a flip for hours; asking once a minute costs nothing. */
const MAX_TTL_MS = 60_000;
/** After a failure, also the bound on how often a dead server is asked about one name. */
const RETRY_MS = 1_000;

/**
 * Last good is kept per family: a family that failed keeps its addresses, a family that is authoritatively empty
 * loses them while the other has some; a name without any address keeps all it had.
 */
export function refreshName(known: KnownName, answers: Readonly<Record<Family, Answer>>, nowMs: number): KnownName {
  const found = [answers.IPv4, answers.IPv6].filter((answer) => answer.kind === 'Addresses');
  if (found.length === 0) {
    return { ...known, fresh: false, problem: problemOf(answers), refreshAtMs: nowMs + RETRY_MS };
  }
  const keptFamily = (['IPv4', 'IPv6'] as const).find(
    (family) => isUncertain(answers[family]) && known.addresses[family].length > 0,
  );
  const ttlMs = Math.min(MAX_TTL_MS, Math.max(MIN_TTL_MS, Math.min(...found.map((answer) => answer.ttlMs))));
  return {
    addresses: {
      IPv4: addressesOf(answers.IPv4, known.addresses.IPv4),
      IPv6: addressesOf(answers.IPv6, known.addresses.IPv6),
    },
    fresh: keptFamily === undefined,
    problem: keptFamily === undefined ? null : `${keptFamily} ${problemOf(answers)}`,
    refreshAtMs: nowMs + (keptFamily === undefined ? ttlMs : RETRY_MS),
  };
}

function addressesOf(answer: Answer, lastGood: readonly string[]): readonly string[] {
  if (answer.kind === 'Addresses') return answer.addresses;
  return isUncertain(answer) ? lastGood : [];
}

/** NXDOMAIN in one family while the other has addresses is a server's way to say that the family is empty. */
function isUncertain(answer: Answer): boolean {
  return answer.kind === 'Failed' && answer.problem !== 'NXDOMAIN';
}

function problemOf(answers: Readonly<Record<Family, Answer>>): string {
  for (const answer of [answers.IPv4, answers.IPv6]) if (answer.kind === 'Failed') return answer.problem;
  return 'NoAddress';
}
