/** One snapshot of everything a decision looks at, from what the group holds. */
import type { MemberView } from '../api/verdict.ts';
import { rememberCaughtUp } from '../decide/caught-up.ts';
import { lineageOf, rememberStreaming, type StreamMemory } from '../decide/lineage.ts';
import { type Observation, settingsOf, viewOf } from '../decide/observation.ts';
import { nextPromotionProofs } from '../decide/promotion-proof.ts';
import { nextSplitBrain } from '../decide/split-brain.ts';
import { viewMembers } from '../decide/views.ts';
import { foreignToReadWrite } from '../route/slices.ts';
import type { Environment } from './environment.ts';
import { type Group, routeOwner } from './group.ts';
import { publishedState } from './publisher.ts';
import { knownBaseline } from './record.ts';

export interface Assessment {
  readonly views: readonly MemberView[];
  /** The same, judged without a learned system identifier; only Rebaseline asks for it. */
  readonly unbiased: () => readonly MemberView[];
  readonly observation: Observation;
}

/** `newPrimary`: the member that is about to be routed, whose position the others' lag is measured against. */
export function assess(group: Group, env: Environment, newPrimary: string | null = null): Assessment {
  const nowMs = env.clock.monotonicMs();
  const { settings, record } = group;
  const tracks = group.prober.tracks();
  const baseline = knownBaseline(record.baseline);
  const primary = newPrimary ?? record.primary ?? baseline?.primary ?? null;
  const expected = settings.systemIdentifier ?? baseline?.systemIdentifier ?? null;
  group.caughtUp = rememberCaughtUp(group.caughtUp, tracks, primary);
  const known = { nowMs, primary, primaryLsn: baseline?.lsn ?? null, caughtUpAtMs: group.caughtUp.atMs };
  const view = (systemIdentifier: string | null) => viewMembers(tracks, settings, { ...known, systemIdentifier });
  const views = view(expected);
  const memories = updateMemories(group, views, primary);
  // While the routes move, the record still speaks of the old primary.
  if (record.attempt === null) {
    const { quarantined } = record;
    group.proofs = nextPromotionProofs(group.proofs, {
      settings,
      members: views,
      baseline,
      quarantined,
      memories,
      nowMs,
    });
  }
  const base: Observation = {
    settings,
    members: views,
    baseline,
    routed: record.primary,
    published: group.snapshot === null ? null : publishedState(group.snapshot, group.key, group.spec).primary,
    quarantined: record.quarantined,
    quarantinedTimelines: record.quarantinedTimelines,
    splitBrain: record.splitBrain?.members ?? null,
    attemptUnderway: record.attempt !== null,
    foreignEndpoints: foreignEndpoints(group),
    lineage: (name) => {
      const member = viewOf({ members: views }, name);
      return member === null
        ? { kind: 'Unproven', why: 'it is not in spec.members' }
        : lineageOf(member, baseline, memories.get(name) ?? null, nowMs);
    },
  };
  return {
    views,
    unbiased: () => view(settings.systemIdentifier),
    observation: { ...base, splitBrain: nextSplitBrain(base) },
  };
}

/** By what was read last, so that a new leader knows before it has published anything. */
function foreignEndpoints(group: Group): string | null {
  if (group.snapshot === null) return null;
  const { current } = group.snapshot;
  return foreignToReadWrite({ owner: routeOwner(group), spec: group.spec, current });
}

function updateMemories(
  group: Group,
  views: readonly MemberView[],
  primary: string | null,
): ReadonlyMap<string, StreamMemory> {
  const settings = settingsOf(group.settings, primary);
  const view = viewOf({ members: views }, primary);
  const sender = settings === null || view === null ? null : { settings, view };
  const memories = new Map<string, StreamMemory>();
  for (const member of views) {
    const memory = rememberStreaming(group.memories.get(member.name) ?? null, member, sender);
    if (memory !== null) memories.set(member.name, memory);
  }
  group.memories = memories;
  return memories;
}
