import { DatabaseError } from 'pg';
import { describe, expect, test } from 'vitest';
import { failureOf, sqlStateOf } from '../../../src/postgres/outcome.ts';
import { LookEnded, ProbeFailure } from '../../../src/postgres/probe-failure.ts';

const coded = (code: string): Error => Object.assign(new Error('password=hunter2'), { code });
const fromServer = (code: string | undefined): DatabaseError => {
  const error = new DatabaseError('password=hunter2', 10, 'error');
  error.code = code;
  return error;
};

describe('errors become evidence by their code', () => {
  test.each([
    ['ECONNREFUSED', 'Refused'],
    ['ECONNRESET', 'Reset'],
    ['EPIPE', 'Reset'],
    ['ETIMEDOUT', 'Timeout'],
    ['EHOSTUNREACH', 'NoRoute'],
    ['ENETUNREACH', 'NoRoute'],
  ] as const)('%s is no answer: %s', (code, why) => {
    expect(failureOf(coded(code), 'tcp')).toEqual({ kind: 'NoAnswer', why, layer: 'tcp' });
  });

  test.each(['57P01', '57P03', '53300', '28P01', '3D000', '42501', '08P01'])('%s is said by PostgreSQL', (code) => {
    expect(failureOf(fromServer(code), 'auth')).toEqual({ kind: 'Rejected', sqlState: code });
  });

  test.each(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EPERM'])('%s is our own machine, not the member', (code) => {
    expect(failureOf(coded(code), 'tcp')).toMatchObject({ kind: 'NotAsked', why: 'LocalFault' });
  });

  test.each([
    ['CERT_HAS_EXPIRED', 'Expired'],
    ['CERT_NOT_YET_VALID', 'Expired'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'WrongName'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'UntrustedCa'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UntrustedCa'],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'ClientCertificate'],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'ClientCertificate'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'Other'],
  ] as const)('%s is TLS: %s', (code, why) => {
    expect(failureOf(coded(code), 'tls')).toMatchObject({ kind: 'TlsFailed', why });
  });

  test("an alert about the client's certificate may come after the handshake", () => {
    const alert = coded('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
    expect(failureOf(alert, 'startup')).toMatchObject({ kind: 'TlsFailed', why: 'ClientCertificate' });
  });

  test('the end of the time is a timeout at the layer that was reached', () => {
    expect(failureOf(new LookEnded('Timeout'), 'auth')).toEqual({ kind: 'NoAnswer', why: 'Timeout', layer: 'auth' });
  });

  test('a look cut short says nothing about the member', () => {
    expect(failureOf(new LookEnded('Aborted'), 'tcp')).toMatchObject({ kind: 'NotAsked', why: 'Aborted' });
  });

  test('an outcome known where it happened is kept', () => {
    const outcome = { kind: 'Rejected', sqlState: '57P03' } as const;
    expect(failureOf(new ProbeFailure(outcome), 'auth')).toBe(outcome);
  });

  test.each([
    ['an error without code', new Error('password=hunter2')],
    ['a server error without SQLSTATE', fromServer(undefined)],
    ['something thrown that is no error', 'password=hunter2'],
  ])('%s is not PostgreSQL, and nothing of its text is repeated', (_, error) => {
    const outcome = failureOf(error, 'auth');
    expect(outcome.kind).toBe('NotPostgres');
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
  });
});

test("Node's EPIPE has the shape of a SQLSTATE and is none", () => {
  expect(sqlStateOf(coded('EPIPE'))).toBeNull();
  expect(sqlStateOf(fromServer('57P01'))).toBe('57P01');
});
