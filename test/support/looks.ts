/** Scripted looks at one member, and a walk that asks the schedule when and how to look next. */
import type { Evidence, MemberFacts, ProbeKind, ProbeOutcome } from '../../src/api/evidence.ts';
import type { DetectionSettings } from '../../src/api/settings.ts';
import { nextProbe } from '../../src/decide/probe-schedule.ts';
import { elapse, newTrack, observe, type Track } from '../../src/decide/track.ts';
import { type TrackVerdict, verdictOf } from '../../src/decide/track-verdict.ts';
import { facts, memberSettings, settings } from './views.ts';

export const detection: DetectionSettings = settings([]).detection;

export const answered = (over: Partial<MemberFacts> = {}): ProbeOutcome => ({ kind: 'Answered', facts: facts(over) });
export const accepting: ProbeOutcome = { kind: 'Accepting' };
export const refused: ProbeOutcome = { kind: 'NoAnswer', why: 'Refused', layer: 'tcp' };
export const silent: ProbeOutcome = { kind: 'NoAnswer', why: 'Timeout', layer: 'tcp' };
export const cutOff: ProbeOutcome = { kind: 'NoAnswer', why: 'Reset', layer: 'startup' };
export const rejected = (sqlState: string): ProbeOutcome => ({ kind: 'Rejected', sqlState });
/** On the standing session a look reaches no other layer. */
export const sessionSilent: ProbeOutcome = { kind: 'NoAnswer', why: 'Timeout', layer: 'sql' };
export const sessionCut: ProbeOutcome = { kind: 'NoAnswer', why: 'Reset', layer: 'sql' };

export function evidence(over: Partial<Evidence> & { readonly outcome: ProbeOutcome }): Evidence {
  return {
    member: 'a',
    probe: 'Fresh',
    sequence: 0,
    startedAtMs: 0,
    endedAtMs: over.startedAtMs ?? 0,
    timings: {},
    address: '192.0.2.1',
    addressFresh: true,
    answered: [],
    sessionLost: null,
    sessionAlive: false,
    ...over,
  };
}

/** One scripted look; by default `Fresh`, one second after the last, answered at once. */
export type ScriptedLook = Partial<Evidence> & { readonly outcome: ProbeOutcome; readonly afterMs?: number };

export interface Watched {
  readonly track: Track;
  readonly verdict: TrackVerdict;
  readonly nowMs: number;
}

/** Observes the looks one after another and reads the verdict at the end of the last, `waitMs` later. */
export function watch(looks: readonly ScriptedLook[], over: Partial<DetectionSettings> = {}, waitMs = 0): Watched {
  const used = { ...detection, ...over };
  let nowMs = 0;
  let track = newTrack(memberSettings('a'), 0);
  looks.forEach(({ afterMs = 1000, ...look }, sequence) => {
    nowMs += afterMs;
    track = observe(track, evidence({ startedAtMs: nowMs, endedAtMs: nowMs, sequence, ...look }), used);
  });
  nowMs += waitMs;
  track = elapse(track, nowMs, used);
  return { track, nowMs, verdict: verdictOf(track, nowMs, used) };
}

export const standing = (outcome: ProbeOutcome, over: Partial<ScriptedLook> = {}): ScriptedLook => ({
  probe: 'Standing',
  sessionAlive: outcome.kind === 'Answered',
  ...over,
  outcome,
});
export const fresh = (outcome: ProbeOutcome, over: Partial<ScriptedLook> = {}): ScriptedLook => ({
  probe: 'Fresh',
  sessionAlive: outcome.kind === 'Answered',
  ...over,
  outcome,
});
export const startup = (outcome: ProbeOutcome, over: Partial<ScriptedLook> = {}): ScriptedLook => ({
  probe: 'Startup',
  ...over,
  outcome,
});
export const times = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);

/** What a member does when it is looked at: how the look ends and how long it takes. */
export type Behaviour = (
  kind: ProbeKind,
  atMs: number,
) => Partial<Evidence> & {
  readonly outcome: ProbeOutcome;
  readonly tookMs: number;
};

export interface WalkedLook {
  readonly kind: ProbeKind;
  readonly atMs: number;
  readonly endedAtMs: number;
  readonly verdict: TrackVerdict;
}

/** Lets the schedule choose each look until `untilMs`. */
export function walk(
  behaviour: Behaviour,
  untilMs: number,
  over: Partial<DetectionSettings> = {},
  { index = 0, hurry = false, random = () => 0 }: { index?: number; hurry?: boolean; random?: () => number } = {},
): { readonly looks: readonly WalkedLook[]; readonly track: Track } {
  const used = { ...detection, ...over };
  const looks: WalkedLook[] = [];
  let track = newTrack(memberSettings('a'), index);
  let nowMs = 0;
  for (let sequence = 0; ; sequence++) {
    const next = nextProbe(track, nowMs, used, random, hurry);
    if (next.atMs > untilMs) return { looks, track };
    const { tookMs, ...look } = behaviour(next.kind, next.atMs);
    nowMs = next.atMs + tookMs;
    track = observe(
      track,
      evidence({ probe: next.kind, startedAtMs: next.atMs, endedAtMs: nowMs, sequence, ...look }),
      used,
    );
    looks.push({ kind: next.kind, atMs: next.atMs, endedAtMs: nowMs, verdict: verdictOf(track, nowMs, used) });
  }
}
