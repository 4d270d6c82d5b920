import { describe, expect, test } from 'vitest';
import type { ProbeOutcome } from '../../../src/api/evidence.ts';
import type { Verdict } from '../../../src/api/verdict.ts';
import {
  accepting,
  answered,
  cutOff,
  fresh,
  refused,
  rejected,
  type ScriptedLook,
  sessionCut,
  silent,
  standing,
  startup,
  times,
  watch,
} from '../../support/looks.ts';

const notAsked = (why: Extract<ProbeOutcome, { kind: 'NotAsked' }>['why']): ProbeOutcome => ({
  kind: 'NotAsked',
  why,
  detail: 'detail',
});
const noRoute: ProbeOutcome = { kind: 'NoAnswer', why: 'NoRoute', layer: 'tcp' };
const badCertificate: ProbeOutcome = { kind: 'TlsFailed', why: 'Expired', detail: 'certificate expired on 2020-01-01' };
const stranger: ProbeOutcome = { kind: 'NotPostgres', detail: 'HTTP/1.1' };
const lateResolver: ProbeOutcome = { kind: 'NoAnswer', why: 'Timeout', layer: 'resolve' };

/** Outcome of a fresh look, the verdict it gives at once, and whether many of it in a row make the member dead. */
const rows: readonly (readonly [string, ProbeOutcome, Verdict, boolean])[] = [
  ['an answer', answered(), 'Up', false],
  ['a refusal', refused, 'Refused', true],
  ['a reset or EOF', cutOff, 'Reset', false],
  ['a timeout', silent, 'Silent', true],
  ['a timeout behind the login', { kind: 'NoAnswer', why: 'Timeout', layer: 'sql' }, 'Silent', true],
  ['no route', noRoute, 'Silent', true],
  ['57P03', rejected('57P03'), 'Starting', true],
  ['57P02', rejected('57P02'), 'Starting', true],
  ['57P01', rejected('57P01'), 'Stopping', false],
  ['57P05', rejected('57P05'), 'Reset', false],
  ['53300', rejected('53300'), 'Overloaded', false],
  ['53100', rejected('53100'), 'Overloaded', false],
  ['a server-side statement timeout', rejected('57014'), 'Overloaded', false],
  ['an internal error', rejected('XX000'), 'Overloaded', false],
  ['a failing disk', rejected('58030'), 'Overloaded', false],
  ['28P01', rejected('28P01'), 'Misconfigured', false],
  ['28000', rejected('28000'), 'Misconfigured', false],
  ['3D000', rejected('3D000'), 'Misconfigured', false],
  ['42501', rejected('42501'), 'Misconfigured', false],
  ['42704', rejected('42704'), 'Misconfigured', false],
  ['08P01', rejected('08P01'), 'Misconfigured', false],
  ['57P04', rejected('57P04'), 'Misconfigured', false],
  ['an SQLSTATE that nobody knows', rejected('ZZ999'), 'Misconfigured', false],
  ['a bad certificate', badCertificate, 'TlsFailed', false],
  ['a stranger', stranger, 'NotPostgres', false],
  ['a name that never resolved', notAsked('Unresolvable'), 'Unresolvable', false],
  ['a resolver that does not answer', lateResolver, 'Unresolvable', false],
  ['a denied address', notAsked('DeniedAddress'), 'Misconfigured', false],
  ['missing credentials', notAsked('CredentialsMissing'), 'Misconfigured', false],
  ['malformed credentials', notAsked('CredentialsMalformed'), 'Misconfigured', false],
];

describe('one fresh look after a healthy time', () => {
  test.each(rows)('%s', (_, outcome, verdict) => {
    const seen = watch([fresh(answered()), fresh(outcome)]).verdict;
    expect(seen).toMatchObject({ verdict, dead: false, lostAtMs: verdict === 'Up' ? null : 2000 });
  });
});

describe('200 looks in a row, one a second', () => {
  test.each(rows)('%s', (_, outcome, _verdict, dead) => {
    expect(watch([fresh(answered()), ...times(200, fresh(outcome))]).verdict.dead).toBe(dead);
  });
});

describe('the reason', () => {
  test.each<readonly [string, readonly ScriptedLook[], string]>([
    ['names layer and bound', [fresh(silent)], 'no answer at tcp within 3s'],
    ['counts up to the threshold', times(3, fresh(silent)), 'no answer at tcp within 3s, 3 looks in a row'],
    [
      'does not change with each further look',
      times(9, fresh(silent)),
      'no answer at tcp within 3s, more than 3 looks in a row',
    ],
    [
      'says that a last good address was asked',
      [fresh(refused, { addressFresh: false, address: '192.0.2.7' })],
      'connection refused (its name does not resolve; asked its last good address 192.0.2.7)',
    ],
    ['explains an SQLSTATE', [fresh(rejected('53300'))], 'too many connections (53300)'],
    ['shows one that it cannot explain', [fresh(rejected('ZZ999'))], 'PostgreSQL answered with SQLSTATE ZZ999'],
    [
      'keeps what TLS said',
      [fresh(badCertificate)],
      'TLS failed (Expired): certificate expired on 2020-01-01; give the server a certificate that is valid now',
    ],
  ])('%s', (_, looks, reason) => {
    expect(watch(looks).verdict.reason).toBe(reason);
  });

  test.each([
    ['NotOffered', 'spec.tls.mode: Disable, or switch on ssl'],
    ['UntrustedCa', 'spec.tls.caRef'],
    ['WrongName', 'tls.serverName'],
    ['ClientCertificate', 'spec.tls.clientCertRef'],
  ] as const)('names a remedy for TLS that failed by %s, behind the number of looks', (why, remedy) => {
    const { reason } = watch(times(2, fresh({ kind: 'TlsFailed', why, detail: 'detail' }))).verdict;
    expect(reason).toContain(`TLS failed (${why}): detail, 2 looks in a row; `);
    expect(reason).toContain(remedy);
  });

  test('says that old sessions may write when new connections alone are dead', () => {
    const { reason } = watch([fresh(answered()), ...times(3, fresh(silent, { sessionAlive: true }))]).verdict;
    expect(reason).toContain('the standing session still answers');
  });
});

describe('an address that is only the last good one', () => {
  test('counts toward dead like a fresh one', () => {
    const looks = times(3, fresh(refused, { addressFresh: false }));
    expect(watch(looks).verdict).toMatchObject({ verdict: 'Refused', dead: true });
  });
});

describe('before anything is known', () => {
  test('a member is Unknown and not asked', () => {
    const { track, verdict } = watch([]);
    expect([verdict.verdict, track.asked]).toEqual(['Unknown', false]);
  });

  test.each(['Aborted', 'LocalFault'] as const)('a look that ended for our own reasons (%s) changes nothing', (why) => {
    const { track, verdict } = watch([fresh(notAsked(why))]);
    expect([verdict.verdict, track.asked]).toEqual(['Unknown', false]);
    expect(watch([fresh(answered()), ...times(50, fresh(notAsked(why)))]).verdict.verdict).toBe('Up');
    expect(watch([...times(3, fresh(refused)), fresh(notAsked(why))]).verdict.dead).toBe(true);
  });

  test('an answered startup exchange is asked, and still Unknown', () => {
    const { track, verdict } = watch([startup(accepting)]);
    expect([verdict.verdict, track.asked]).toEqual(['Unknown', true]);
  });
});

describe('57P01 on the standing session', () => {
  const stopping = [fresh(answered()), standing(rejected('57P01'), { sessionLost: '57P01' })];
  test.each<readonly [string, readonly ScriptedLook[], Verdict, boolean]>([
    ['alone is a session that ended', stopping, 'Reset', false],
    ['then an answer was pg_terminate_backend', [...stopping, fresh(answered())], 'Up', false],
    ['then 57P03 is an orderly stop', [...stopping, fresh(rejected('57P03'))], 'Stopping', false],
    [
      'then refusals are an orderly stop within the grace',
      [...stopping, ...times(20, fresh(refused))],
      'Stopping',
      false,
    ],
    ['then refusals past the grace are dead', [...stopping, ...times(31, fresh(refused))], 'Refused', true],
    ['then 57P03 past the grace is dead', [...stopping, ...times(31, fresh(rejected('57P03')))], 'Stopping', true],
    ['then silence waits for the grace too', [...stopping, ...times(5, fresh(silent))], 'Stopping', false],
    [
      'then a refusal and 57P03 is a new start',
      [...stopping, ...times(3, fresh(refused)), ...times(40, fresh(rejected('57P03')))],
      'Starting',
      false,
    ],
    [
      'told between looks is the same',
      [fresh(answered()), fresh(refused, { sessionLost: '57P01' }), ...times(5, fresh(refused))],
      'Stopping',
      false,
    ],
  ])('%s', (_, looks, verdict, dead) => {
    expect(watch(looks).verdict).toMatchObject({ verdict, dead });
  });
});

describe('57P03 while the standing session answers', () => {
  const smart = [fresh(answered()), fresh(rejected('57P03'), { sessionAlive: true })];
  const turns = times(120, [standing(answered()), fresh(rejected('57P03'), { sessionAlive: true })]).flat();

  test('is a smart shutdown at once, and never dead while it lasts', () => {
    expect(watch(smart).verdict).toMatchObject({ verdict: 'Stopping', dead: false });
    expect(watch([...smart, ...turns]).verdict).toMatchObject({ verdict: 'Stopping', dead: false });
  });

  test('gives the grace its full length from the end of that session', () => {
    const ended = [...smart, ...turns, standing(rejected('57P01'), { sessionLost: '57P01' })];
    expect(watch([...ended, ...times(29, fresh(refused))]).verdict.dead).toBe(false);
    expect(watch([...ended, ...times(31, fresh(refused))]).verdict.dead).toBe(true);
  });

  test('is a start after all when that session turns out to be a dead end', () => {
    const looks = [...smart, standing(sessionCut), fresh(rejected('57P03'))];
    expect(watch(looks).verdict.verdict).toBe('Starting');
  });
});
