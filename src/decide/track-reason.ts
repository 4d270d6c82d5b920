/**
 * The sentences behind a verdict. They hold no number that changes while nothing happens (a count beyond the threshold,
 * an age): status shows them, and a status that changes with each look would be written with each look.
 */
import type { ProbeOutcome } from '../api/evidence.ts';

type TlsFault = Extract<ProbeOutcome, { kind: 'TlsFailed' }>['why'];

/** What a person may do when TLS fails; empty where only the detail can tell. */
export const TLS_REMEDIES: Readonly<Record<TlsFault, string>> = {
  Expired: 'give the server a certificate that is valid now',
  WrongName: 'set tls.serverName of the member to a name that the certificate carries',
  UntrustedCa: 'name its authority in spec.tls.caRef',
  NotOffered: 'set spec.tls.mode: Disable, or switch on ssl at the server',
  ClientCertificate: 'mend the certificate that spec.tls.clientCertRef names',
  Other: '',
};

const SQL_STATES: Readonly<Record<string, string>> = {
  '08P01': 'protocol violation, as poolers report a refused parameter or login',
  '28000': 'refused by pg_hba.conf or the role may not log in',
  '28P01': 'password authentication failed',
  '3D000': 'the database does not exist',
  '42501': 'permission denied',
  '53100': 'disk full',
  '53200': 'out of memory',
  '53300': 'too many connections',
  '57014': 'the statement timed out at the server',
  '57P01': 'the server ended the session: stop or pg_terminate_backend',
  '57P02': 'the server ended the session after a crash',
  '57P03': 'the server is starting, stopping or not yet consistent',
  '57P05': 'the server ended the session for being idle',
};

export function describeRejection(sqlState: string): string {
  const meaning = SQL_STATES[sqlState];
  return meaning === undefined ? `PostgreSQL answered with SQLSTATE ${sqlState}` : `${meaning} (${sqlState})`;
}

/** `3 looks in a row`; past the threshold only that it was passed. */
export function describeRun(looks: number, threshold: number): string {
  if (looks <= 1) return '';
  return looks > threshold ? `, more than ${threshold} looks in a row` : `, ${looks} looks in a row`;
}
