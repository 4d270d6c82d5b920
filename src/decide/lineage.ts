/**
 * I6, no fork: whether a member's timeline descends from the baseline's.
 *
 * A timeline number alone proves nothing: two standbys of timeline 1 promoted apart are both on timeline 2. Proof is the
 * timeline history (where our role may read it), with the fork point of the baseline's own timeline compared; else our own
 * memory of having seen this very run of the server streaming from this primary on this timeline within the hour.
 */
import type { Lsn } from '../api/lsn.ts';
import { formatLsn } from '../api/lsn.ts';
import type { MemberSettings } from '../api/settings.ts';
import type { MemberView } from '../api/verdict.ts';
import type { KnownBaseline } from './observation.ts';

export type Lineage =
  | {
      readonly kind: 'Descends' /** Where it left the baseline's timeline; null when unreadable or the same timeline. */;
      readonly forkLsn: Lsn | null;
    }
  | { readonly kind: 'Diverged'; readonly why: string }
  | { readonly kind: 'Unproven'; readonly why: string };

/** Seen streaming from the primary: which run of which server, from whom, on which timeline, and when (monotonic ms). */
export interface StreamMemory {
  readonly primary: string;
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly startedAt: string;
  readonly atMs: number;
}

/** How long a memory of streaming proves descent (design, I6). */
export const STREAM_MEMORY_MS = 3_600_000;

export function lineageOf(
  member: MemberView,
  baseline: KnownBaseline | null,
  memory: StreamMemory | null,
  nowMs: number,
): Lineage {
  const facts = member.facts;
  if (facts === null) return { kind: 'Unproven', why: 'it has not answered yet' };
  if (baseline === null) return { kind: 'Unproven', why: 'there is no baseline to descend from' };
  if (facts.systemIdentifier !== baseline.systemIdentifier) {
    return {
      kind: 'Diverged',
      why: `its system identifier is ${facts.systemIdentifier}, the group's is ${baseline.systemIdentifier}`,
    };
  }
  if (facts.timeline < baseline.timeline) {
    return { kind: 'Diverged', why: `it is on timeline ${facts.timeline}, behind timeline ${baseline.timeline}` };
  }
  if (facts.timeline === baseline.timeline) {
    return member.name === baseline.primary || member.standby
      ? { kind: 'Descends', forkLsn: null }
      : {
          kind: 'Diverged',
          why: `it accepts writes on timeline ${facts.timeline}, which ${baseline.primary} was writing: a promotion would have begun a new one`,
        };
  }
  if (facts.history !== null) return byHistory(facts.timeline, facts.history, baseline);
  return byMemory(member, baseline, memory, nowMs);
}

function byHistory(
  timeline: number,
  history: readonly { readonly timeline: number; readonly endLsn: Lsn }[],
  baseline: KnownBaseline,
): Lineage {
  const left = history.find((entry) => entry.timeline === baseline.timeline);
  if (left === undefined) {
    return {
      kind: 'Diverged',
      why: `the history of timeline ${timeline} does not contain timeline ${baseline.timeline}`,
    };
  }
  const parents = history.filter((entry) => entry.timeline < baseline.timeline);
  const ownFork = parents.at(-1)?.endLsn ?? null;
  if (baseline.forkLsn !== null && ownFork !== baseline.forkLsn) {
    return {
      kind: 'Diverged',
      why: `its timeline ${baseline.timeline} began at ${ownFork === null ? 'an unknown position' : formatLsn(ownFork)}, the group's at ${formatLsn(baseline.forkLsn)}: another promotion with the same number`,
    };
  }
  return { kind: 'Descends', forkLsn: left.endLsn };
}

/** Then an unproven descent is a question of time. */
export const mayReadHistory = ({ facts }: MemberView): boolean => facts?.rights.replication === true;

function byMemory(member: MemberView, baseline: KnownBaseline, memory: StreamMemory | null, nowMs: number): Lineage {
  const forgotten = whyNotRemembered(member, baseline, memory, nowMs);
  if (forgotten === null) return { kind: 'Descends', forkLsn: null };
  const unread = mayReadHistory(member)
    ? 'its timeline history could not be read yet'
    : 'its timeline history is unreadable (the monitor role lacks REPLICATION)';
  return { kind: 'Unproven', why: `${unread} and ${forgotten}` };
}

/** Why the memory of having seen it stream does not prove that it descends from the baseline; null: it does. */
export function whyNotRemembered(
  { facts }: MemberView,
  baseline: KnownBaseline,
  memory: StreamMemory | null,
  nowMs: number,
): string | null {
  if (memory === null || memory.primary !== baseline.primary || memory.timeline !== baseline.timeline)
    return `it was not seen streaming from ${baseline.primary} on timeline ${baseline.timeline}`;
  if (memory.systemIdentifier !== baseline.systemIdentifier) return 'it was another cluster when last seen streaming';
  if (memory.startedAt !== facts?.startedAt) return 'it restarted since it was seen streaming from the primary';
  if (nowMs - memory.atMs > STREAM_MEMORY_MS)
    return 'it was last seen streaming from the primary more than an hour ago';
  return null;
}

/** Brings the memory up to date with the newest views; keeps an old memory while nothing newer replaces it. */
export function rememberStreaming(
  previous: StreamMemory | null,
  member: MemberView,
  primary: { readonly settings: MemberSettings; readonly view: MemberView } | null,
): StreamMemory | null {
  const { facts, factsAtMs } = member;
  if (facts === null || factsAtMs === null || primary === null || !member.standby) return previous;
  const { receiver } = facts;
  if (receiver === null || receiver.status !== 'streaming' || !primary.view.writable || primary.view.facts === null)
    return previous;
  if (receiver.receivedTimeline !== primary.view.facts.timeline) return previous;
  if (!isSentBy(receiver.senderHost, receiver.senderPort, primary)) return previous;
  return {
    primary: primary.settings.name,
    systemIdentifier: facts.systemIdentifier,
    timeline: receiver.receivedTimeline,
    startedAt: facts.startedAt,
    atMs: factsAtMs,
  };
}

/** Whether a WAL receiver's sender is this member: by the names and addresses under which it is known. */
export function isSentBy(
  senderHost: string | null,
  senderPort: number | null,
  primary: { readonly settings: MemberSettings; readonly view: MemberView },
): boolean {
  if (senderHost === null) return false;
  const { endpoint, replication } = primary.settings;
  if (senderPort !== null && senderPort !== endpoint.port && senderPort !== replication.port) return false;
  const names = [endpoint.host, replication.host, ...primary.view.answered.map((answer) => answer.address)];
  return names.some((name) => name.toLowerCase() === senderHost.toLowerCase());
}
