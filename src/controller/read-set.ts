/** Keeps the group's read set up to date and tells who is in it. */
import type { MemberView } from '../api/verdict.ts';
import { nextReadSet } from '../decide/read-set.ts';
import type { Environment } from './environment.ts';
import type { Group } from './group.ts';
import type { GroupRecord } from './record.ts';

/** Members the read-only route leads to, in the order of the spec; none where there is no such route. */
export function refreshReadSet(
  group: Group,
  env: Environment,
  members: readonly MemberView[],
  record: GroupRecord,
  primary: string | null,
): readonly string[] {
  const { read } = group.settings;
  if (read === null) return [];
  const next = nextReadSet(group.readSet, members, read, {
    nowMs: env.clock.monotonicMs(),
    settings: group.settings,
    primary,
    primaryKnown: members.some((member) => member.name === primary && member.writable),
    neverHadPrimary: record.baseline === null,
    quarantined: record.quarantined,
  });
  group.readSet = next.state;
  group.readWhy = next.why;
  return next.readers;
}
