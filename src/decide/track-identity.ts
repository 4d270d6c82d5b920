/**
 * Which server answers under a name. A restart or a moved name changes the identity once; a proxy, a load balancer or a
 * name with addresses of several servers brings an earlier one back (A, B, A), and that is what `isAmbiguous` means.
 *
 * It ends when as many new connections in a row met one server as the flapping window has looks: looks on the standing
 * session do not count there, since they are pinned to one server however many stand behind the name.
 */
import type { MemberFacts } from '../api/evidence.ts';

export interface IdentityMemory {
  readonly current: string | null;
  /** Monotonic ms of the first answer of `current` in a row. */
  readonly sinceMs: number | null;
  /** Other identities met before, newest last, bounded. */
  readonly earlier: readonly string[];
  readonly isAmbiguous: boolean;
  /** New connections in a row that met `current`. */
  readonly steadyConnections: number;
}

/** More servers than a group has members (16) do not stand behind one name. */
const EARLIER_KEPT = 16;

export const noIdentity: IdentityMemory = {
  current: null,
  sinceMs: null,
  earlier: [],
  isAmbiguous: false,
  steadyConnections: 0,
};

/** One run of one server: a restart is another identity, a copy of the data folder is another one too. */
export function identityOf(facts: MemberFacts): string {
  return `${facts.systemIdentifier}/${facts.startedAt}`;
}

export function meetIdentity(
  memory: IdentityMemory,
  met: { readonly identity: string; readonly atMs: number; readonly isNewConnection: boolean },
  steadyAfter: number,
): IdentityMemory {
  if (memory.current !== met.identity) return change(memory, met);
  if (!met.isNewConnection) return memory;
  const steadyConnections = memory.steadyConnections + 1;
  if (steadyConnections < steadyAfter) return { ...memory, steadyConnections };
  return { ...memory, steadyConnections: steadyAfter, earlier: [], isAmbiguous: false };
}

function change(
  memory: IdentityMemory,
  met: { readonly identity: string; readonly atMs: number; readonly isNewConnection: boolean },
): IdentityMemory {
  const others = memory.earlier.filter((identity) => identity !== met.identity);
  const earlier = memory.current === null ? others : [...others.filter((id) => id !== memory.current), memory.current];
  return {
    current: met.identity,
    sinceMs: met.atMs,
    earlier: earlier.slice(-EARLIER_KEPT),
    isAmbiguous: memory.isAmbiguous || memory.earlier.includes(met.identity),
    steadyConnections: met.isNewConnection ? 1 : 0,
  };
}
