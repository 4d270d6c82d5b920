/** The API server itself refuses what cannot be right, and says which field and what to do. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiObject, connect, type Refusal, type Reply, type TestApi } from '../support/api.ts';
import { freshNamespace, installCrds } from '../support/crds.ts';
import { policyRefusals } from '../support/refusals-policy.ts';
import { failoverRequestRefusals } from '../support/refusals-request.ts';
import { routesRefusals } from '../support/refusals-routes.ts';
import { aDatabaseFailover, aFailoverRequest } from '../support/resources.ts';

let api: TestApi;
let namespace: string;

beforeAll(async () => {
  api = await connect();
  await installCrds(api);
  namespace = await freshNamespace(api, 'refused');
}, 60_000);

afterAll(async () => {
  await api.close();
});

function placed(object: ApiObject): ApiObject {
  return { ...object, metadata: { ...object.metadata, namespace } };
}

function refusalOf(reply: Reply): Refusal {
  if (reply.accepted) throw new Error('the API server accepted it');
  return reply.refusal;
}

describe('DatabaseFailover', () => {
  test('is accepted as it stands in the other tests', async () => {
    expect(await api.create(placed(aDatabaseFailover()), { dryRun: true })).toMatchObject({ accepted: true });
  });

  test.each([...policyRefusals, ...routesRefusals])('is refused with $name', async ({ edits, field, says }) => {
    const refusal = refusalOf(await api.create(placed(aDatabaseFailover(edits)), { dryRun: true }));
    expect(refusal.code).toBe(422);
    const sentences = refusal.details.causes.filter((cause) => cause.field === field).map((cause) => cause.message);
    expect(sentences.join('\n'), refusal.message).toContain(says);
  });

  test('is refused in words of ours alone when a duration is bad: no rule fails as an expression', async () => {
    const refusal = refusalOf(
      await api.create(placed(aDatabaseFailover({ 'spec.detection': { interval: 'soon', timeout: 'later' } })), {
        dryRun: true,
      }),
    );
    expect(refusal.details.causes.map((cause) => cause.field).sort()).toEqual([
      'spec.detection.interval',
      'spec.detection.timeout',
    ]);
    expect(refusal.message).not.toMatch(/evaluat|no such|compil/);
  });
});

describe('FailoverRequest', () => {
  test.each(failoverRequestRefusals)('is refused with $name', async ({ edits, field, says }) => {
    const refusal = refusalOf(await api.create(placed(aFailoverRequest(edits)), { dryRun: true }));
    expect(refusal.code).toBe(422);
    const sentences = refusal.details.causes.filter((cause) => cause.field === field).map((cause) => cause.message);
    expect(sentences.join('\n'), refusal.message).toContain(says);
  });

  test.each([
    ['another member', { to: 'frankfurt' }],
    ['another time', { at: '2026-12-01T12:00:00Z' }],
    ['nothing where something was', { to: null, kind: 'Retry' }],
    ['another time to live', { ttlAfterFinished: '1h' }],
  ])('may not be changed to say %s', async (name, spec) => {
    const request = placed(aFailoverRequest({ 'metadata.name': name.replaceAll(' ', '-') }));
    expect(await api.create(request)).toMatchObject({ accepted: true });
    const refusal = refusalOf(await api.mergePatch(request, { spec }));
    expect(refusal.details.causes).toContainEqual({
      field: 'spec',
      message: expect.stringContaining('a request may not be changed; delete it (which cancels it) and create another'),
    });
  });

  test('may not lose its spec', async () => {
    const request = placed(aFailoverRequest({ 'metadata.name': 'keeps-its-spec' }));
    expect(await api.create(request)).toMatchObject({ accepted: true });
    const refusal = refusalOf(await api.mergePatch(request, { spec: null }));
    expect(refusal.details.causes).toContainEqual({ field: 'spec', message: 'Required value' });
  });

  test('may have labels and status changed', async () => {
    const request = placed(aFailoverRequest({ 'metadata.name': 'lives-on' }));
    expect(await api.create(request)).toMatchObject({ accepted: true });
    expect(await api.mergePatch(request, { metadata: { labels: { a: 'b' } } })).toMatchObject({ accepted: true });
    const reply = await api.mergePatch(request, { status: { reason: 'UnknownMember' } }, '/status');
    expect(reply).toMatchObject({ accepted: true, object: { status: { reason: 'UnknownMember' } } });
  });
});
