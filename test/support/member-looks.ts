import type { PostgresMember } from '../../hack/world/postgres-group.ts';
import type { Evidence, MemberFacts, ProbeKind, ProbeOutcome } from '../../src/api/evidence.ts';
import type { MemberPort } from '../../src/ports/members.ts';
import { connectMember, memberTarget, never, type TargetOverrides } from './member-target.ts';

export const MONITOR_PASSWORD = 'monitor-secret';

/** The role that looks: what `docs/postgresql-roles.md` recommends, without the replication attribute. */
export async function createMonitor(primary: PostgresMember, attributes = ''): Promise<void> {
  await primary.sql(`CREATE ROLE monitor LOGIN ${attributes} PASSWORD '${MONITOR_PASSWORD}'`);
  await primary.sql('GRANT pg_monitor TO monitor');
}

/** Looks at one real member; close it in the end. */
export interface Observer {
  readonly port: MemberPort;
  look(kind: ProbeKind, timeoutMs?: number): Promise<Evidence>;
  outcome(kind: ProbeKind, timeoutMs?: number): Promise<ProbeOutcome>;
  /** Throws when the look was not answered. */
  facts(kind: ProbeKind): Promise<MemberFacts>;
  retarget(overrides: TargetOverrides): void;
}

export function observe(
  member: PostgresMember,
  overrides: TargetOverrides = {},
  servers: readonly string[] = [],
): Observer {
  const defaults = { member: member.name, host: member.address, port: member.port, password: MONITOR_PASSWORD };
  const port = connectMember(memberTarget({ ...defaults, ...overrides }), servers);
  const look = (kind: ProbeKind, timeoutMs = 3_000) => port.probe(kind, { timeoutMs, signal: never });
  return {
    port,
    look,
    outcome: async (kind, timeoutMs) => (await look(kind, timeoutMs)).outcome,
    facts: async (kind) => {
      const { outcome } = await look(kind);
      if (outcome.kind !== 'Answered') throw new Error(`not answered: ${JSON.stringify(outcome)}`);
      return outcome.facts;
    },
    retarget: (changes) => port.retarget(memberTarget({ ...defaults, ...overrides, ...changes })),
  };
}
