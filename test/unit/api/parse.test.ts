/** Objects become typed resources here, whatever the CRD in the cluster knew and whoever wrote the status. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Parsed, type Problem, parseDatabaseFailover, parseFailoverRequest } from '../../../src/api/parse.ts';
import type { RefusalCase } from '../../support/refusal-case.ts';
import { policyRefusals } from '../../support/refusals-policy.ts';
import { failoverRequestRefusals } from '../../support/refusals-request.ts';
import { routesRefusals } from '../../support/refusals-routes.ts';
import { aDatabaseFailover, aFailoverRequest } from '../../support/resources.ts';

function problemsOf(parsed: Parsed<unknown, unknown>): readonly Problem[] {
  return parsed.ok ? [] : parsed.problems;
}

function accepted<Spec, Status>(parsed: Parsed<Spec, Status>) {
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed;
}

function sentences(parsed: Parsed<unknown, unknown>): string {
  return problemsOf(parsed)
    .map((problem) => problem.message)
    .join('\n');
}

describe('what the API server refuses is refused by the parser too: the CRD may be older', () => {
  test.each([...policyRefusals, ...routesRefusals])('a resource with $name', (refusal: RefusalCase) => {
    const parsed = parseDatabaseFailover(aDatabaseFailover(refusal.edits));
    expect(sentences(parsed)).toContain(refusal.parserSays ?? refusal.says);
  });

  test.each(failoverRequestRefusals)('a request with $name', (refusal: RefusalCase) => {
    const parsed = parseFailoverRequest(aFailoverRequest(refusal.edits));
    expect(sentences(parsed)).toContain(refusal.parserSays ?? refusal.says);
  });
});

describe('parseDatabaseFailover', () => {
  test('fills in every default, those of objects that are not there included', () => {
    const { spec } = accepted(parseDatabaseFailover(aDatabaseFailover({ 'spec.routes.readOnly': undefined })));
    expect(spec).toMatchObject({
      paused: false,
      database: 'postgres',
      tls: { mode: 'VerifyFull' },
      detection: { interval: '1s', timeout: '3s', failureThreshold: 3, shutdownGrace: '30s', writeProbe: 'Disabled' },
      failover: { maxLoss: '16Mi', preferWithin: 0, cooldown: '10m', deadline: '5m' },
      promotion: { method: 'SQL' },
      fencing: [],
      retry: { initialDelay: '500ms', factor: 2, maxDelay: '30s', maxAttempts: 5, jitter: 0.2 },
      deletionPolicy: 'Retain',
      routes: { configMaps: [], secrets: [] },
    });
    expect(spec.members[0]).toMatchObject({ port: 5432, promotable: true, priority: 100, direct: true });
  });

  test('ignores fields that it does not know', () => {
    const parsed = accepted(parseDatabaseFailover(aDatabaseFailover({ 'spec.newerField': { a: 1 } })));
    expect(parsed.spec).not.toHaveProperty('newerField');
  });

  test('names the path of a problem as the API server does', () => {
    const parsed = parseDatabaseFailover(aDatabaseFailover({ 'spec.members.1.port': 0 }));
    expect(problemsOf(parsed)).toEqual([{ path: 'spec.members[1].port', message: expect.stringContaining('>=1') }]);
  });

  test('tells all problems at once', () => {
    const parsed = parseDatabaseFailover(
      aDatabaseFailover({ 'spec.failover.whenUnfenced': undefined, 'spec.detection': { interval: '500ms' } }),
    );
    expect(problemsOf(parsed).map((problem) => problem.path)).toEqual([
      'spec.failover.whenUnfenced',
      'spec.detection.timeout',
    ]);
  });

  test.each([null, undefined, 'text', 7, [], {}])('refuses %j without throwing', (object) => {
    expect(parseDatabaseFailover(object).ok).toBe(false);
    expect(parseFailoverRequest(object).ok).toBe(false);
  });

  test('never throws and always says something when it refuses', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (spec, status) => {
        const parsed = parseDatabaseFailover({ ...aDatabaseFailover(), spec, status });
        expect(parsed.ok || parsed.problems.length > 0).toBe(true);
      }),
    );
  });
});

describe('the status', () => {
  test('is empty when there is none, as after it was wiped', () => {
    const parsed = accepted(parseDatabaseFailover(aDatabaseFailover()));
    expect(parsed.status).toEqual({ observedGeneration: -1 });
    expect(parsed.statusProblems).toEqual([]);
  });

  test.each([
    ['a text', 'wiped'],
    ['a list', []],
    ['null', null],
  ])('is empty, with a note, when it is %s', (_, status) => {
    const parsed = accepted(parseDatabaseFailover(aDatabaseFailover({ status })));
    expect(parsed.status).toEqual({ observedGeneration: -1 });
    expect(parsed.statusProblems).toEqual([{ path: 'status', message: 'must be an object; it is read as empty' }]);
  });

  test('keeps what can be read when a part cannot, and notes that part', () => {
    const status = { epoch: 7, primary: 'frankfurt', attempt: { epoch: 8, kind: 'Teleport', to: 'virginia' } };
    const parsed = accepted(parseDatabaseFailover(aDatabaseFailover({ status })));
    expect(parsed.status).toEqual({ observedGeneration: -1, epoch: 7, primary: 'frankfurt' });
    expect(parsed.statusProblems.map((problem) => problem.path)).toContain('status.attempt.kind');
  });

  test('ignores fields of a newer operator, names of Object.prototype included', () => {
    const status: unknown = JSON.parse('{"epoch":7,"constructor":1,"__proto__":{"a":1},"newer":true}');
    const parsed = accepted(parseDatabaseFailover({ ...aDatabaseFailover(), status }));
    expect(parsed.status).toEqual({ observedGeneration: -1, epoch: 7 });
  });

  test('of a request is read in the same way', () => {
    const status = { reason: 'Done', guards: 'none' };
    const parsed = accepted(parseFailoverRequest(aFailoverRequest({ status })));
    expect(parsed.status).toEqual({ observedGeneration: -1, reason: 'Done' });
    expect(parsed.statusProblems.map((problem) => problem.path)).toEqual(['status.guards']);
  });
});
