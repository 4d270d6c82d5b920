import { describe, expect, test } from 'vitest';
import { parseLsn } from '../../../src/api/lsn.ts';
import { parseFacts } from '../../../src/postgres/facts.ts';
import { ProbeFailure } from '../../../src/postgres/probe-failure.ts';
import { answeredRow } from '../../support/probe-answer.ts';

const rows = (changes: Record<string, unknown> = {}) => [answeredRow(changes)];

describe('the timeline', () => {
  test.each([
    ['of a primary is that of its WAL files, whatever the control file still says', {}, 10],
    ['of a standby is the received one', { walTimeline: null, receivedTimeline: 3 }, 3],
    ['of a standby without receiver is that of the control file', { walTimeline: null, controlTimeline: 2 }, 2],
  ])('%s', (_, changes, timeline) => {
    expect(parseFacts(rows(changes)).timeline).toBe(timeline);
  });
});

test('an identifier beyond 2^53 and microseconds stay exact', () => {
  const facts = parseFacts(rows());
  expect(facts.systemIdentifier).toBe('7711274532309372686');
  expect(facts.startedAt).toBe('1767225600123456');
  expect(facts.currentLsn).toBe(parseLsn('16/B374D848'));
});

test('an age a little below zero is the difference of two clocks', () => {
  expect(parseFacts(rows({ inRecovery: true, replayAgeMs: -12.5 })).replayAgeMs).toBe(0);
});

test('failover managers are told by the names of their sessions, each once', () => {
  const controllerSessions = ['Patroni heartbeat', 'Patroni restapi', 'repmgr', 'pgautofailover_standby_2'];
  expect(parseFacts(rows({ controllerSessions })).otherControllers).toEqual(['Patroni', 'pg_auto_failover', 'repmgrd']);
});

test.each([
  ['no row', []],
  ['a row without the value', [{}]],
  ['something that is no JSON', [{ facts: 'hello' }]],
  ['an LSN that is none', rows({ currentLsn: 'x' })],
  ['an identifier that is no number', rows({ systemIdentifier: "1'; DROP" })],
  ['a missing field', rows({ inRecovery: undefined })],
])('%s is no answer of PostgreSQL', (_, answer) => {
  const parse = () => parseFacts(answer);
  expect(parse).toThrow(ProbeFailure);
  expect(parse).toThrow('NotPostgres');
});
