import { DatabaseError } from 'pg';
import type { ProbeLayer, ProbeOutcome } from '../api/evidence.ts';
import { type FailureOutcome, LookEnded, ProbeFailure } from './probe-failure.ts';
import { tlsFailureOf } from './tls-failure.ts';

type NoAnswerWhy = Extract<ProbeOutcome, { kind: 'NoAnswer' }>['why'];

const SQL_STATE = /^[0-9A-Z]{5}$/;

/** Codes of `errno(3)` as Node names them. */
const noAnswers: ReadonlyMap<string, NoAnswerWhy> = new Map([
  ['ECONNREFUSED', 'Refused'],
  ['ECONNRESET', 'Reset'],
  ['ECONNABORTED', 'Reset'],
  ['EPIPE', 'Reset'],
  ['ETIMEDOUT', 'Timeout'],
  ['EHOSTUNREACH', 'NoRoute'],
  ['EHOSTDOWN', 'NoRoute'],
  ['ENETUNREACH', 'NoRoute'],
  ['ENETDOWN', 'NoRoute'],
  ['EAFNOSUPPORT', 'NoRoute'],
  // ICMPv6 "administratively prohibited": a firewall on the way.
  ['EACCES', 'NoRoute'],
]);

/** Descriptors, memory or local ports used up, or the machine's own packet filter forbids to ask. */
const localFaults: ReadonlySet<string> = new Set([
  'EMFILE',
  'ENFILE',
  'ENOBUFS',
  'ENOMEM',
  'EAGAIN',
  'EADDRNOTAVAIL',
  'EINVAL',
  'EPERM',
]);

/** Turns whatever ended a look at `layer` into evidence. Total, and free of secrets: only codes are taken over. */
export function failureOf(error: unknown, layer: ProbeLayer): FailureOutcome {
  if (error instanceof ProbeFailure) return error.outcome;
  if (error instanceof LookEnded) return endedLook(error, layer);
  if (error instanceof DatabaseError) {
    const sqlState = sqlStateOf(error);
    return sqlState === null ? strangeReply(layer) : { kind: 'Rejected', sqlState };
  }
  const code = codeOf(error);
  const why = noAnswers.get(code);
  if (why !== undefined) return { kind: 'NoAnswer', why, layer };
  if (localFaults.has(code))
    return { kind: 'NotAsked', why: 'LocalFault', detail: `this machine opens no connection (${code})` };
  const tls = tlsFailureOf(error, layer);
  if (tls !== null) return tls;
  // What is left has no code: `pg` could make no sense of what it has just read.
  return strangeReply(layer);
}

/** The five characters of an error that PostgreSQL sent; `null` for errors of any other origin. */
export function sqlStateOf(error: unknown): string | null {
  // Node's own codes may look the same (`EPIPE` has five capitals): only the class tells them apart.
  if (!(error instanceof DatabaseError) || error.code === undefined) return null;
  return SQL_STATE.test(error.code) ? error.code : null;
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function endedLook(ended: LookEnded, layer: ProbeLayer): FailureOutcome {
  if (ended.why === 'Timeout') return { kind: 'NoAnswer', why: 'Timeout', layer };
  return { kind: 'NotAsked', why: 'Aborted', detail: 'the look was cut short' };
}

function strangeReply(layer: ProbeLayer): FailureOutcome {
  return { kind: 'NotPostgres', detail: `a reply at the ${layer} step that PostgreSQL does not give` };
}
