/** What one look says by itself, before the looks around it are considered: design section 4's table, row by row. */
import { formatDuration } from '../api/duration.ts';
import type { Evidence, ProbeOutcome } from '../api/evidence.ts';
import { unreachable } from '../api/unreachable.ts';
import type { Verdict } from '../api/verdict.ts';
import { describeRejection, TLS_REMEDIES } from './track-reason.ts';

/**
 * What a look that did not answer weighs in the question whether the member is dead.
 * - `Down`: counts.
 * - `Starting`: counts once `startupGrace` (or, in an orderly stop, `shutdownGrace`) has passed.
 * - `Neutral`: neither counts nor excuses; a proxy may have spoken.
 * - `Lives`: something that is or guards a PostgreSQL answered, so what counted before counts no longer.
 * - `Blind`: we could not ask, so nothing known before is current any more.
 */
export type Weight = 'Down' | 'Starting' | 'Neutral' | 'Lives' | 'Blind';

export type Look =
  | { readonly kind: 'Answered' }
  | { readonly kind: 'Accepting' }
  /** Our own affair: says nothing of the member, and changes nothing. */
  | { readonly kind: 'Void' }
  | {
      readonly kind: 'Bad';
      readonly verdict: Verdict;
      readonly weight: Weight;
      readonly reason: string;
      /** What a person may do about it; empty: the reason says it all. */
      readonly remedy: string;
      /** Failed behind the startup exchange, so that a bare startup exchange can neither confirm nor refute it. */
      readonly deep: boolean;
      /** Refused or cut off: the answer was immediate, so asking again soon costs nobody a timeout. */
      readonly quick: boolean;
      /** Asked at an address that the name has now; false: at a last good one. */
      readonly isAddressFresh: boolean;
    };

export type BadLook = Extract<Look, { kind: 'Bad' }>;

/** A look on the standing session itself, not one that had to open a connection first. */
export function isOnStandingSession(evidence: Evidence): boolean {
  if (evidence.probe !== 'Standing') return false;
  if (evidence.outcome.kind === 'NoAnswer' && evidence.outcome.layer !== 'sql') return false;
  return evidence.timings.tcp === undefined && evidence.timings.startup === undefined;
}

/** PostgreSQL announced an orderly stop to the standing session, or to this very look. */
export function announcesStop(evidence: Evidence): boolean {
  const { outcome } = evidence;
  return evidence.sessionLost === '57P01' || (outcome.kind === 'Rejected' && outcome.sqlState === '57P01');
}

export function readLook(evidence: Evidence, timeoutMs: number): Look {
  const look = readOutcome(evidence, timeoutMs);
  return look.kind === 'Bad' ? { ...look, isAddressFresh: evidence.addressFresh } : look;
}

function readOutcome(evidence: Evidence, timeoutMs: number): Look {
  const { outcome } = evidence;
  switch (outcome.kind) {
    case 'Answered':
    case 'Accepting':
      return { kind: outcome.kind };
    case 'Rejected':
      return readRejection(outcome.sqlState);
    case 'NoAnswer':
      return readSilence(evidence, outcome, timeoutMs);
    case 'TlsFailed':
      return bad('TlsFailed', 'Lives', `TLS failed (${outcome.why}): ${outcome.detail}`, {
        deep: true,
        remedy: TLS_REMEDIES[outcome.why],
      });
    case 'NotPostgres':
      return bad('NotPostgres', 'Neutral', `what answers there does not speak PostgreSQL: ${outcome.detail}`, {
        deep: true,
      });
    case 'NotAsked':
      return readNotAsked(outcome);
    default:
      return unreachable(outcome);
  }
}

function readSilence(
  evidence: Evidence,
  outcome: Extract<ProbeOutcome, { kind: 'NoAnswer' }>,
  timeoutMs: number,
): Look {
  const { why, layer } = outcome;
  // A resolver that does not answer is no silence of the member.
  if (layer === 'resolve') return bad('Unresolvable', 'Blind', 'its name could not be resolved in time');
  const where = staleAddressNote(evidence);
  const deep = layer !== 'tcp' && layer !== 'startup';
  switch (why) {
    case 'Refused':
      return bad('Refused', 'Down', `connection refused${where}`, { quick: true });
    case 'Reset':
      return bad('Reset', 'Neutral', `connection reset or closed at ${layer}${where}`, { deep, quick: true });
    case 'Timeout':
      return bad('Silent', 'Down', `no answer at ${layer} within ${formatDuration(timeoutMs)}${where}`, { deep });
    case 'NoRoute':
      return bad('Silent', 'Down', `no route to it${where}`);
    default:
      return unreachable(why);
  }
}

function readNotAsked(outcome: Extract<ProbeOutcome, { kind: 'NotAsked' }>): Look {
  switch (outcome.why) {
    case 'Unresolvable':
      return bad(
        'Unresolvable',
        'Blind',
        `its name does not resolve and no earlier address is known: ${outcome.detail}`,
      );
    case 'DeniedAddress':
      return bad('Misconfigured', 'Blind', `not asked, its address is forbidden by --denied-cidrs: ${outcome.detail}`);
    case 'CredentialsMissing':
    case 'CredentialsMalformed':
      return bad('Misconfigured', 'Blind', `not asked, the monitor credentials are unusable: ${outcome.detail}`);
    case 'Aborted':
    case 'LocalFault':
      return { kind: 'Void' };
    default:
      return unreachable(outcome.why);
  }
}

function bad(
  verdict: Verdict,
  weight: Weight,
  reason: string,
  {
    deep = false,
    quick = false,
    remedy = '',
  }: { readonly deep?: boolean; readonly quick?: boolean; readonly remedy?: string } = {},
): Look {
  return { kind: 'Bad', verdict, weight, reason, remedy, deep, quick, isAddressFresh: true };
}

function staleAddressNote(evidence: Evidence): string {
  if (evidence.addressFresh) return '';
  return ` (its name does not resolve; asked its last good address ${evidence.address ?? 'unknown'})`;
}

/** Classes that say "here I am, and in trouble": too full, too slow for our statement_timeout, broken inside, a failing disk. */
const TROUBLED_CLASSES: readonly string[] = ['40', '53', '54', '58', 'XX'];
const TROUBLED_CODES: readonly string[] = ['55P03', '57014'];

/** Any SQLSTATE proves a living PostgreSQL (or pooler); one that we do not know means that it wants something else of us. */
function readRejection(code: string): Look {
  const reason = describeRejection(code);
  if (code === '57P03' || code === '57P02') return bad('Starting', 'Starting', reason);
  // 57P01 may be pg_terminate_backend as well as a stop, 57P05 is an idle timeout: a session's end, not the server's.
  if (code === '57P01' || code === '57P05') return bad('Reset', 'Neutral', reason, { quick: true });
  if (TROUBLED_CODES.includes(code) || TROUBLED_CLASSES.includes(code.slice(0, 2))) {
    return bad('Overloaded', 'Lives', reason, { deep: true });
  }
  return bad('Misconfigured', 'Lives', reason, { deep: true });
}
