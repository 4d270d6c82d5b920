/**
 * Who serves reads: standbys whose replay lag is small, with hysteresis so that a lag near the limit does not make the
 * route flap. Per member:
 *
 * - out -> in: `Up`, in recovery, lag at most `maxReplayLag` for `dwell`, and the primary known. Without a dwell when the
 *   member is new; without a known primary too at the first evaluation of all, because an operator that has just started
 *   must find the set again that it published.
 * - in -> out: lag above `leaveLag` (or unknown) for `dwell`. At once: not `Up`, no standby any more, quarantined.
 * - between the two limits nothing changes. A connection that was reset is looked at afresh within milliseconds, so a `Reset`
 *   of a member that is in is waited out for that long.
 *
 * Nothing is evaluated before every member was asked once (`isFormed` false, nobody in): until then the lag of the first to
 * answer could not be told, and a published route must stay as it is.
 */
import { formatDuration } from '../api/duration.ts';
import type { GroupSettings, ReadSettings } from '../api/settings.ts';
import { unreachable } from '../api/unreachable.ts';
import type { MemberView, Verdict } from '../api/verdict.ts';

export interface ReadSetState {
  /** Every member was asked once and the set was evaluated; before, `readers` means "not known yet". */
  readonly isFormed: boolean;
  readonly members: ReadonlyMap<string, Membership>;
  /** The standby that stands in because none fits; kept while it is about as good as the best. */
  readonly standIn: string | null;
}

export interface Membership {
  readonly isIn: boolean;
  /** Monotonic ms since which the lag has asked for the other side; null while it does not. */
  readonly changingSinceMs: number | null;
}

export interface ReadSetContext {
  readonly nowMs: number;
  readonly settings: GroupSettings;
  readonly primary: string | null;
  /** The primary answers and accepts writes; while false nobody joins. */
  readonly primaryKnown: boolean;
  /** There never was a primary (standbys of a primary elsewhere): members join by their own replay age. */
  readonly neverHadPrimary?: boolean;
  readonly quarantined: { has(name: string): boolean };
}

export interface ReadSet {
  readonly state: ReadSetState;
  /** In the order of the spec. */
  readonly readers: readonly string[];
  /** Why each member is in or out, without numbers that change with each look. */
  readonly why: Readonly<Record<string, string>>;
}

/** The fresh look that follows a reset at once is back within this time, or the member is in doubt for good. */
const RESET_SETTLES_MS = 250;

const NEVER_READ: ReadonlySet<Verdict> = new Set(['Ambiguous', 'WrongCluster', 'DuplicateMember', 'NotPostgres']);

export function nextReadSet(
  previous: ReadSetState | null,
  views: readonly MemberView[],
  read: ReadSettings,
  context: ReadSetContext,
): ReadSet {
  if (previous?.isFormed !== true && views.some((view) => !view.asked)) {
    const why = Object.fromEntries(views.map((view) => [view.name, 'out: not every member has been asked yet']));
    return { state: { isFormed: false, members: new Map(), standIn: null }, readers: [], why };
  }
  const judging = { ...context, isFirst: previous?.isFormed !== true };
  const judged = views.map((view) => judge(view, previous?.members.get(view.name) ?? null, read, judging));
  const fit = preferred(
    judged.filter(({ membership }) => membership.isIn).map(({ view }) => view),
    read,
    context.settings,
  );
  const { readers, standIn } =
    fit.length > 0 ? { readers: fit, standIn: null } : whoStandsIn(previous, views, read, context);
  const names = new Set(readers.map((view) => view.name));
  const members = new Map(
    judged.filter(({ view }) => view.asked).map(({ view, membership }) => [view.name, membership]),
  );
  return {
    state: { isFormed: true, members, standIn },
    readers: views.filter((view) => names.has(view.name)).map((view) => view.name),
    why: Object.fromEntries(
      judged.map((one) => [one.view.name, explain(one, names.has(one.view.name), context.settings)]),
    ),
  };
}

interface JudgeContext extends ReadSetContext {
  /** The first evaluation of the whole set. */
  readonly isFirst: boolean;
}

interface Judged {
  readonly view: MemberView;
  readonly membership: Membership;
  readonly why: string;
}

function judge(view: MemberView, before: Membership | null, read: ReadSettings, context: JudgeContext): Judged {
  const barred = reasonBarred(view, before, context);
  if (barred !== null) return { view, membership: { isIn: false, changingSinceMs: null }, why: barred };
  // Reset and waited out: its lag is not known at this moment, so nothing changes.
  if (!view.standby)
    return {
      view,
      membership: { isIn: true, changingSinceMs: before?.changingSinceMs ?? null },
      why: 'connection reset, looking afresh',
    };
  return before?.isIn === true ? judgeReader(view, before, read, context) : judgeCandidate(view, before, read, context);
}

/** Why it may not serve reads at all now, whatever its lag; null when it may. */
function reasonBarred(view: MemberView, before: Membership | null, context: ReadSetContext): string | null {
  if (context.quarantined.has(view.name)) return 'quarantined: it was deposed and has not rejoined';
  if (view.verdict !== 'Up') return isWaitedOut(view, before, context.nowMs) ? null : `it is not Up (${view.verdict})`;
  if (!view.standby) return view.name === context.primary ? 'it is the primary' : 'it is not in recovery';
  return null;
}

function isWaitedOut(view: MemberView, before: Membership | null, nowMs: number): boolean {
  if (before?.isIn !== true || view.verdict !== 'Reset' || view.lostAtMs === null) return false;
  return view.facts?.inRecovery === true && nowMs - view.lostAtMs <= RESET_SETTLES_MS;
}

function judgeReader(view: MemberView, before: Membership, read: ReadSettings, { nowMs }: ReadSetContext): Judged {
  const limit = formatDuration(read.leaveLagMs);
  if (view.lagMs !== null && view.lagMs <= read.leaveLagMs) {
    return {
      view,
      membership: { isIn: true, changingSinceMs: null },
      why: `its replay lag is within leaveLag (${limit})`,
    };
  }
  const sinceMs = before.changingSinceMs ?? nowMs;
  const why = view.lagMs === null ? 'its replay lag is unknown' : `its replay lag is above leaveLag (${limit})`;
  const isLeaving = nowMs - sinceMs >= read.dwellMs;
  return { view, membership: { isIn: !isLeaving, changingSinceMs: isLeaving ? null : sinceMs }, why };
}

function judgeCandidate(
  view: MemberView,
  before: Membership | null,
  read: ReadSettings,
  context: JudgeContext,
): Judged {
  const out = (changingSinceMs: number | null, why: string): Judged => ({
    view,
    membership: { isIn: false, changingSinceMs },
    why,
  });
  const limit = formatDuration(read.maxReplayLagMs);
  if (view.lagMs === null) return out(null, 'its replay lag is unknown');
  if (view.lagMs > read.maxReplayLagMs) return out(null, `its replay lag is above maxReplayLag (${limit})`);
  const joined: Judged = {
    view,
    membership: { isIn: true, changingSinceMs: null },
    why: `its replay lag is within maxReplayLag (${limit})`,
  };
  const mayJoin = context.primaryKnown || (context.primary === null && context.neverHadPrimary === true);
  if (before === null && (mayJoin || context.isFirst)) return joined;
  const sinceMs = before?.changingSinceMs ?? context.nowMs;
  if (context.nowMs - sinceMs < read.dwellMs)
    return out(sinceMs, `it joins after dwell (${formatDuration(read.dwellMs)})`);
  return mayJoin ? joined : out(sinceMs, 'nobody joins while the primary is unknown');
}

function preferred(views: readonly MemberView[], read: ReadSettings, settings: GroupSettings): readonly MemberView[] {
  if (read.prefer === 'Any') return views;
  const near = views.filter((view) => isNear(view, settings));
  return near.length > 0 ? near : views;
}

function isNear(view: MemberView, { members, region }: GroupSettings): boolean {
  return region !== null && members.find((member) => member.name === view.name)?.region === region;
}

interface StandIn {
  readonly readers: readonly MemberView[];
  readonly standIn: string | null;
}

function whoStandsIn(
  previous: ReadSetState | null,
  views: readonly MemberView[],
  read: ReadSettings,
  context: ReadSetContext,
): StandIn {
  const nobody: StandIn = { readers: [], standIn: null };
  const primary = readablePrimary(views, context);
  // A group of one has nobody else: reads go where writes go, and stay there while it is down.
  if (views.length === 1 && primary !== null) return { ...nobody, readers: [primary] };
  switch (read.whenNoneFit) {
    case 'None':
      return nobody;
    case 'Primary':
      return primary !== null && !primary.dead
        ? { ...nobody, readers: [primary] }
        : leastLagged(previous, views, read, context);
    case 'LeastLagged':
      return leastLagged(previous, views, read, context);
    default:
      return unreachable(read.whenNoneFit);
  }
}

/** A look that failed does not end it: like the read-write route, it stays until the primary counts as dead. */
function readablePrimary(views: readonly MemberView[], context: ReadSetContext): MemberView | null {
  const view = views.find(({ name }) => name === context.primary);
  if (view === undefined || view.standby || NEVER_READ.has(view.verdict)) return null;
  return context.quarantined.has(view.name) ? null : view;
}

function leastLagged(
  previous: ReadSetState | null,
  views: readonly MemberView[],
  read: ReadSettings,
  context: ReadSetContext,
): StandIn {
  const lagOf = (view: MemberView) => view.lagMs ?? Number.MAX_SAFE_INTEGER;
  const standbys = views.filter((view) => view.standby && !context.quarantined.has(view.name));
  const best = preferred(standbys, read, context.settings).toSorted((one, other) => lagOf(one) - lagOf(other))[0];
  if (best === undefined) return { readers: [], standIn: null };
  const kept = standbys.find((view) => view.name === previous?.standIn);
  // The same hysteresis as between joining and leaving.
  const slackMs = Math.max(0, read.leaveLagMs - read.maxReplayLagMs);
  const chosen = kept !== undefined && lagOf(kept) <= lagOf(best) + slackMs ? kept : best;
  return { readers: [chosen], standIn: chosen.name };
}

function explain({ membership, why }: Judged, isReader: boolean, { region }: GroupSettings): string {
  if (isReader) return membership.isIn ? `in: ${why}` : `in, because no standby fits: ${why}`;
  return membership.isIn ? `out: it fits, and members in region ${region ?? 'unknown'} are preferred` : `out: ${why}`;
}
