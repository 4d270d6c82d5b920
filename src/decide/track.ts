/**
 * One member over time: a reducer from evidence to what the verdict is read from (`track-verdict.ts`).
 *
 * A member is seen through two windows. The **standing session** shows what those who are connected see; **new
 * connections** (`Fresh`, `Startup`) show whether the postmaster still accepts and forks. Neither is enough: a frozen
 * postmaster, a full server and a smart shutdown all go on answering the standing session. So:
 *
 * - `trouble === null`: the last look was good. Entered by a `Fresh` answer, or by a standing answer while no new
 *   connection was in trouble. Left by any bad look.
 * - `trouble !== null`: looks in a row were not good. `failed` counts those that count toward dead: refused or silent ones
 *   in a row, on either window. A reset or a stranger's protocol (`Neutral`) neither counts nor excuses; a certificate or
 *   an SQLSTATE (`Lives`), a starting server (`Starting`) and a look that could not be asked (`Blind`) end the run.
 *   A bare startup exchange that is answered ends it too, unless the failure lay deeper than that exchange reaches.
 *   **A standing answer does not end trouble on new connections**: it vouches for the member (shown `Up`) until
 *   `failureThreshold` new connections in a row were bad, and no longer. Then the verdict is theirs, and refused or silent
 *   ones make it dead although the old session still answers: applications that connect now get nothing, and whether old
 *   writers live on is the fence's question, not this one.
 * - `stop !== null`: an orderly stop, told by 57P01, or inferred from 57P03 while the standing session answers (a starting
 *   server has no old sessions). Nothing that follows makes it dead before `shutdownGrace` has passed since the standing
 *   session ended. A refusal and then 57P03 again is a new run: the stop is over, the start begins.
 * - `startingSinceMs !== null`: 57P03 or 57P02 outside a stop. Kept until an answer, so that a crash loop is bounded.
 * - `dead`: by `Run` (threshold, outside a grace; or a grace that passed while still stopping or starting) or by `Flapping`
 *   (more than half of the last 10 x `failureThreshold` looks counted, graces left out). Sticky: left after
 *   `recoveryThreshold` good looks, or signs of life that are not answers, in a row (flapping: once the share has fallen as
 *   well), at once when we are blind. While dead by `Run` the looks are not entered into the flapping window, so that a
 *   long outage is not held against a member that came back for good.
 *
 * Ignored: evidence that is not newer than the last; looks that ended for reasons of our own (they only set the pace).
 * Times are the evidence's; `elapse` is for what changes by time alone.
 */
import type { Evidence, MemberFacts } from '../api/evidence.ts';
import type { DetectionSettings } from '../api/settings.ts';
import { identityOf, meetIdentity } from './track-identity.ts';
import { type BadLook, isOnStandingSession, readLook } from './track-look.ts';
import type { LookTime, Track } from './track-state.ts';
import { nextStop } from './track-stop.ts';
import { meetStream } from './track-stream.ts';
import { nextTrouble, type Trouble } from './track-trouble.ts';

/** The flapping window holds this many times `failureThreshold` looks (design, section 4). */
export const WINDOW_FACTOR = 10;

export { newTrack, type Track } from './track-state.ts';

/** Something happened between looks (the standing session ended, credentials or addresses changed): look afresh at once. */
export function doubt(track: Track, nowMs: number): Track {
  return { ...track, doubtAtMs: nowMs };
}

/** The track after this evidence; the same object when the evidence is late. */
export function observe(track: Track, evidence: Evidence, settings: DetectionSettings): Track {
  if (evidence.sequence <= track.lastSequence) return track;
  const look = readLook(evidence, settings.timeoutMs);
  const onSession = isOnStandingSession(evidence);
  const timed = noteTime(track, evidence, { onSession, accepted: look.kind === 'Accepting' });
  switch (look.kind) {
    case 'Void':
      return timed;
    case 'Answered':
      return evidence.outcome.kind === 'Answered'
        ? answered(settleDoubt(timed, evidence, onSession), evidence, evidence.outcome.facts, onSession, settings)
        : timed;
    case 'Accepting':
      return accepted(timed, settings);
    case 'Bad':
      return elapse(
        worsened(settleDoubt(timed, evidence, onSession), evidence, look, onSession, settings),
        evidence.endedAtMs,
        settings,
      );
  }
}

/** What time alone changes: a grace that has passed. */
export function elapse(track: Track, nowMs: number, settings: DetectionSettings): Track {
  const { trouble } = track;
  if (trouble === null || track.dead !== null) return track;
  if (isRunDead(track, trouble, nowMs, settings)) return { ...track, dead: 'Run', unheard: 0 };
  // Looks within a grace never entered the window.
  const flaps = trouble.look.weight === 'Down' && isFlapping(track, settings);
  return flaps ? { ...track, dead: 'Flapping', unheard: 0 } : track;
}

export function isInShutdownGrace(track: Track, nowMs: number, settings: DetectionSettings): boolean {
  return track.stop !== null && nowMs - track.stop.sinceMs < settings.shutdownGraceMs;
}

function isRunDead(track: Track, trouble: Trouble, nowMs: number, settings: DetectionSettings): boolean {
  const { failureThreshold } = settings;
  const isStopping = isInShutdownGrace(track, nowMs, settings);
  if (trouble.failed >= failureThreshold && !isStopping) return true;
  if (trouble.waits < failureThreshold || track.sessionAlive || isStopping) return false;
  return track.stop !== null || !isInStartupGrace(track, nowMs, settings);
}

function isInStartupGrace(track: Track, nowMs: number, settings: DetectionSettings): boolean {
  return track.startingSinceMs === null || nowMs - track.startingSinceMs < settings.startupGraceMs;
}

export function isFlapping(track: Track, { failureThreshold }: DetectionSettings): boolean {
  return track.recent.filter((counted) => counted).length * 2 > WINDOW_FACTOR * failureThreshold;
}

function noteTime(
  track: Track,
  evidence: Evidence,
  { onSession, accepted }: { readonly onSession: boolean; readonly accepted: boolean },
): Track {
  const time: LookTime = { startedAtMs: evidence.startedAtMs, endedAtMs: evidence.endedAtMs, accepted };
  // A standing look without a session is carried out as a fresh one.
  const isFresh = evidence.probe !== 'Startup' && !onSession;
  return {
    ...track,
    lastSequence: evidence.sequence,
    sessionAlive: evidence.sessionAlive,
    last: time,
    lastStanding: onSession ? time : track.lastStanding,
    lastNew: onSession ? track.lastNew : time,
    lastFresh: isFresh ? time : track.lastFresh,
  };
}

/** A doubt is answered by a new connection that began after it. */
function settleDoubt(track: Track, evidence: Evidence, onSession: boolean): Track {
  const { doubtAtMs } = track;
  const isSettled = doubtAtMs !== null && !onSession && evidence.startedAtMs >= doubtAtMs;
  return { ...track, asked: true, doubtAtMs: isSettled ? null : doubtAtMs };
}

function answered(
  track: Track,
  evidence: Evidence,
  facts: MemberFacts,
  onSession: boolean,
  settings: DetectionSettings,
): Track {
  const known = rememberAnswer(track, evidence, facts, onSession, settings);
  const { trouble } = track;
  if (onSession && trouble?.onNewConnection === true && track.goodLooks === 0) {
    // It vouches, no more. While it does, a smart shutdown has not reached the writers: the grace has not begun.
    const stop =
      track.stop === null || track.stop.hasEnded ? track.stop : { ...track.stop, sinceMs: evidence.endedAtMs };
    return enter({ ...known, stop }, false, settings);
  }
  const risen: Track = {
    ...enter(known, false, settings),
    goodLooks: track.goodLooks + 1,
    unheard: 0,
    stop: null,
    startingSinceMs: null,
  };
  const isBack =
    risen.goodLooks >= settings.recoveryThreshold && !(risen.dead === 'Flapping' && isFlapping(risen, settings));
  return risen.dead === null || isBack ? { ...risen, dead: null, trouble: null, goodLooks: 0 } : risen;
}

function rememberAnswer(
  track: Track,
  evidence: Evidence,
  facts: MemberFacts,
  onSession: boolean,
  settings: DetectionSettings,
): Track {
  const { startedAtMs, endedAtMs } = evidence;
  const isWritable = !facts.inRecovery && !facts.readOnly;
  const writableSinceMs = isWritable ? (track.answer?.writableSinceMs ?? endedAtMs) : null;
  return {
    ...track,
    answer: { facts, startedAtMs, endedAtMs, answered: evidence.answered, writableSinceMs },
    identity: meetIdentity(
      track.identity,
      { identity: identityOf(facts), atMs: startedAtMs, isNewConnection: !onSession },
      WINDOW_FACTOR * settings.failureThreshold,
    ),
    stream: meetStream(track.stream, facts, { startedAtMs, previousLookMs: track.answer?.startedAtMs ?? null }),
  };
}

function accepted(track: Track, settings: DetectionSettings): Track {
  const heard: Track = { ...enter(track, false, settings), asked: true, unheard: 0 };
  const { trouble } = track;
  if (trouble === null || trouble.look.deep) return heard;
  return { ...heard, trouble: { ...trouble, failed: 0, waits: 0, newBad: 0 } };
}

function worsened(
  track: Track,
  evidence: Evidence,
  look: BadLook,
  onSession: boolean,
  settings: DetectionSettings,
): Track {
  const stop = nextStop(track.stop, evidence, look, onSession);
  const isStarting = look.weight === 'Starting' && stop === null;
  const trouble = nextTrouble(track.trouble, evidence, look, onSession);
  const worse: Track = {
    ...track,
    trouble,
    stop,
    startingSinceMs: isStarting ? (track.startingSinceMs ?? evidence.startedAtMs) : track.startingSinceMs,
    goodLooks: 0,
    unheard: look.weight === 'Down' || look.weight === 'Neutral' ? track.unheard + (onSession ? 0 : 1) : 0,
    dead: isAlive(track, trouble, settings) ? null : track.dead,
  };
  const counted = countsNow(worse, look, evidence.endedAtMs, settings);
  return counted === null ? worse : enter(worse, counted, settings);
}

/** Whether this bad look ends death: enough signs of life in a row, or we do not see the member any more. */
function isAlive(track: Track, trouble: Trouble, settings: DetectionSettings): boolean {
  if (trouble.look.weight === 'Blind') return true;
  return trouble.lives >= settings.recoveryThreshold && !(track.dead === 'Flapping' && isFlapping(track, settings));
}

/** How a bad look enters the flapping window; null: not at all (graces, and looks that could not be asked). */
function countsNow(track: Track, look: BadLook, nowMs: number, settings: DetectionSettings): boolean | null {
  if (look.weight === 'Blind' || isInShutdownGrace(track, nowMs, settings)) return null;
  if (look.weight !== 'Starting') return look.weight === 'Down';
  return track.sessionAlive || isInStartupGrace(track, nowMs, settings) ? null : true;
}

function enter(track: Track, counted: boolean, { failureThreshold }: DetectionSettings): Track {
  if (track.dead === 'Run') return track;
  return { ...track, recent: [...track.recent, counted].slice(-WINDOW_FACTOR * failureThreshold) };
}
