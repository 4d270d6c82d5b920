/** From a record and evidence to what should be published, and its publication. */
import type { RouteTarget } from '../api/decision.ts';
import type { MemberView } from '../api/verdict.ts';
import { reasonNotRoutable } from '../decide/routability.ts';
import { KubeError } from '../ports/kube.ts';
import type { Problem } from '../report/input.ts';
import type { ForeignEdit } from '../route/foreign-edits.ts';
import { isOurs } from '../route/ownership.ts';
import type { Assessment } from './assess.ts';
import { noteForeignEdits } from './contention.ts';
import type { Environment } from './environment.ts';
import { type Group, routeOwner, settleTouched } from './group.ts';
import { REST_MS } from './progress.ts';
import { type PublishOutcome, publishedState, type Snapshot } from './publisher.ts';
import { refreshReadSet } from './read-set.ts';
import type { GroupRecord } from './record.ts';
import { type RouteAddresses, routeAddresses } from './route-addresses.ts';
import { stillStands } from './status-writer.ts';
import { routeInSlices } from './told-route.ts';
import { publicationFailure } from './write-refusal.ts';

/** Member the read-write route may lead to now: the recorded primary, unless the last evidence forbids it (I1). */
export function routablePrimary(record: GroupRecord, members: readonly MemberView[]): string | null {
  const view = members.find((member) => member.name === record.primary);
  if (record.primary === null) return null;
  // Taken out of the spec: nothing is known of it any more, and blind means frozen.
  if (view === undefined) return record.primary;
  return reasonNotRoutable(view, record.quarantined) === null ? record.primary : null;
}

const NO_ADDRESSES: RouteAddresses = { addresses: new Map(), addressProblems: new Map() };

/** Empties the read-write route; repeated while the attempt waits, when whoever died meanwhile leaves the read-only one. */
export async function drainRoutes(
  group: Group,
  env: Environment,
  epoch: number,
  members: readonly MemberView[],
  signal: AbortSignal,
): Promise<void> {
  const readers = group.published?.readers ?? [];
  await drain(group, env, { epoch, primary: null, readers }, new Set(), signal);
  const dead = new Set(members.filter((member) => member.dead).map((member) => member.name));
  const left = readers.filter((name) => !dead.has(name));
  // Nobody joins, and the last one stays: who is read from then is decided when the routes are published again.
  if (left.length === readers.length || left.length === 0) return;
  try {
    await drain(group, env, { epoch, primary: null, readers: left }, dead, signal);
  } catch (error) {
    // It is no part of the attempt, and must not hold it up; the next try repeats it.
    if (!(error instanceof KubeError) || signal.aborted) throw error;
    env.log.warn({ ...group.key, epoch, code: error.code }, 'dead members could not be taken out of the reads');
  }
}

async function drain(
  group: Group,
  env: Environment,
  target: RouteTarget,
  leavers: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  group.touched = [];
  // No address is asked for: emptying a route must not wait for a resolver.
  const input = { ...publishInput(group, target, NO_ADDRESSES), leavers, snapshot: usableSnapshot(group) };
  noteOutcome(group, target, await env.publisher.drain(input, { signal }));
}

/** What is published now; the steps of an attempt that follow go on from it. */
export async function readPublished(group: Group, env: Environment, signal: AbortSignal): Promise<Snapshot> {
  group.touched = [];
  const snapshot = await env.publisher.read(routeOwner(group), group.spec, { signal });
  group.snapshot = snapshot;
  settleTouched(group, new Set());
  return snapshot;
}

export interface RoutesPublished {
  readonly readWriteDone: boolean;
  readonly problems: readonly Problem[];
  /** Objects that were not as they should be. */
  readonly differing: readonly ForeignEdit[];
}

/** Publishes what `record` asks for, with these members' evidence, going on from where the last step of the attempt ended. */
export async function publishRoutes(
  group: Group,
  env: Environment,
  wanted: { readonly record: GroupRecord; readonly members: readonly MemberView[]; readonly signal: AbortSignal },
): Promise<RoutesPublished> {
  const { record, members, signal } = wanted;
  const target = targetOf(group, env, record, members);
  const addresses = await routeAddresses(group, env, members, signal);
  return publishTarget(group, env, { target, addresses, snapshot: usableSnapshot(group) }, signal);
}

/** Where both routes should lead by `record` and evidence. */
function targetOf(group: Group, env: Environment, record: GroupRecord, members: readonly MemberView[]) {
  const primary = routablePrimary(record, members);
  return { epoch: record.epoch, primary, readers: refreshReadSet(group, env, members, record, primary) };
}

interface Publication {
  readonly target: RouteTarget;
  readonly addresses: RouteAddresses;
  /** Objects to begin with; null: read them. */
  readonly snapshot: Snapshot | null;
}

async function publishTarget(
  group: Group,
  env: Environment,
  { target, addresses, snapshot }: Publication,
  signal: AbortSignal,
): Promise<RoutesPublished> {
  group.touched = [];
  const outcome = await env.publisher.publish({ ...publishInput(group, target, addresses), snapshot }, { signal });
  noteOutcome(group, target, outcome);
  const now = publishedState(outcome.snapshot, routeOwner(group), group.spec);
  const readWriteDone =
    now.primary === target.primary && !outcome.problems.some((problem) => problem.reason === 'HigherEpoch');
  group.publishedAtMs = env.clock.monotonicMs();
  env.telemetry.routeCompared(group.key, target.epoch, outcome.writes, outcome.inSync);
  return { readWriteDone, problems: outcome.problems, differing: outcome.differing };
}

export type Published =
  /** `againInMs`: something has changed and is looked at then; null: nothing waits. */
  | { readonly kind: 'Settled'; readonly againInMs: number | null }
  | { readonly kind: 'Failed'; readonly error: KubeError; readonly againInMs: null };

/** Publishes outside attempts. A failure is told in the status before the pass fails: that may well be writable. */
export async function publishOrTell(
  group: Group,
  env: Environment,
  seen: Assessment,
  signal: AbortSignal,
): Promise<Published> {
  try {
    return { kind: 'Settled', againInMs: await publishIfNeeded(group, env, seen, signal) };
  } catch (error) {
    if (!(error instanceof KubeError) || signal.aborted) throw error;
    group.routeProblems = [publicationFailure(error)];
    return { kind: 'Failed', error, againInMs: null };
  }
}

/**
 * Publishes when what should be published differs from what was, when something changed in the cluster, or when it was
 * not looked at for the resync time. Without a baseline, routes that an earlier record published stay as they are (I9).
 * Returns ms after which a change that was seen is looked at, null: none waits.
 */
async function publishIfNeeded(
  group: Group,
  env: Environment,
  seen: Assessment,
  signal: AbortSignal,
): Promise<number | null> {
  const { record } = group;
  const nowMs = env.clock.monotonicMs();
  const restMs = group.routesDirty ? Math.max(group.reactedAtMs + REST_MS, group.contention.repairAtMs) - nowMs : 0;
  if (record.baseline === null && seen.observation.published !== null) {
    if (!group.routesDirty) return null;
    if (restMs > 0) return restMs;
    group.reactedAtMs = nowMs;
    await readPublished(group, env, signal);
    return null;
  }
  const members = seen.views;
  const isEmpty = group.decision?.action.kind === 'EmptyBoth';
  const target = isEmpty
    ? { epoch: record.epoch, primary: routablePrimary(record, members), readers: [] }
    : targetOf(group, env, record, members);
  // A successor must find the read set again before it touches what its predecessor published.
  if (members.some((member) => !member.asked) && hasPublished(group)) return null;
  const addresses = await routeAddresses(group, env, members, signal);
  const { epoch, primary, readers } = target;
  const wanted = JSON.stringify([group.generation, epoch, primary, readers, [...addresses.addresses]]);
  const isRepair = wanted === group.publishedFingerprint;
  if (isRepair && restMs > 0) return restMs;
  if (isRepair && nowMs < group.contention.repairAtMs) return null;
  if (isRepair && !group.routesDirty && nowMs - group.publishedAtMs < recheckMs(group, env)) return null;
  if (group.routesDirty) group.reactedAtMs = nowMs;
  // What is gone may have gone with the resource, and must not be made again.
  if (isRepair && !(await stillStands(group, env, signal))) return null;
  // What was refused last time differs for that reason, and nobody else has changed it.
  const hadRefusals = group.routeProblems.some(({ reason }) => reason === 'Forbidden' || reason === 'WriteFailed');
  const { differing } = await publishTarget(group, env, { target, addresses, snapshot: null }, signal);
  if (isRepair && !hadRefusals) group.contention = noteForeignEdits(group.contention, differing, nowMs);
  group.publishedFingerprint = wanted;
  if (record.primary !== primary) group.record = { ...record, primary };
  return null;
}

/** Secrets are not watched: the logins that published ones are made from are read so often. */
const LOGINS_MS = 60_000;
/** Nor is a ConfigMap or a Secret of somebody else that stands in our way; a person who removed it wants to see that. */
const PROBLEMS_MS = 5000;

/** How long what is published is taken to be as it was, unless a watch says otherwise. */
function recheckMs(group: Group, env: Environment): number {
  if (group.routeProblems.length > 0) return Math.min(PROBLEMS_MS, env.resyncMs);
  return group.spec.routes.secrets.length > 0 ? Math.min(LOGINS_MS, env.resyncMs) : env.resyncMs;
}

/** What was read or written last, unless a watch has told of a change since. */
function usableSnapshot(group: Group): Snapshot | null {
  return group.routesDirty ? null : group.snapshot;
}

function noteOutcome(group: Group, target: RouteTarget, outcome: PublishOutcome): void {
  group.snapshot = outcome.snapshot;
  group.published = target;
  group.told = routeInSlices(group, outcome.snapshot, target.epoch);
  group.routeProblems = outcome.problems;
  settleTouched(group, outcome.written);
}

function publishInput(group: Group, target: RouteTarget, addresses: RouteAddresses) {
  return { owner: routeOwner(group), spec: group.spec, members: group.settings.members, ...addresses, target };
}

const hasPublished = (group: Group): boolean =>
  (group.snapshot?.current.slices ?? []).some((slice) => isOurs(slice, routeOwner(group)));
