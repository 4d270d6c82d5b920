import { describe, expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { errorFromAnswer } from '../../../src/kube/status-errors.ts';

const status = (fields: Record<string, unknown>): unknown => ({
  kind: 'Status',
  details: { name: 'orders' },
  ...fields,
});

describe('an answer that is no success becomes an error with one of our codes', () => {
  test.each([
    [400, 'BadRequest', 'Invalid'],
    [401, 'Unauthorized', 'Unauthorized'],
    [403, 'Forbidden', 'Forbidden'],
    [404, 'NotFound', 'NotFound'],
    [409, 'Conflict', 'Conflict'],
    [409, 'AlreadyExists', 'AlreadyExists'],
    [410, 'Expired', 'Gone'],
    [415, 'UnsupportedMediaType', 'Invalid'],
    [422, 'Invalid', 'Invalid'],
    [429, 'TooManyRequests', 'Unavailable'],
    [500, 'InternalError', 'Unavailable'],
    [503, 'ServiceUnavailable', 'Unavailable'],
    [504, 'Timeout', 'Unavailable'],
    [302, 'Found', 'Unavailable'],
  ])('%i %s is %s', (http, reason, code) => {
    const error = errorFromAnswer(http, status({ reason, message: 'its own words' }), RESOURCES.configMap);
    expect(error).toMatchObject({ code, status: http, message: 'its own words' });
  });
});

test('a kind that the API server does not know is told as such', () => {
  const error = errorFromAnswer(404, null, RESOURCES.databaseFailover);
  expect(error.message).toBe(
    'the API server does not serve databasefailovers (dbfailover.dev/v1alpha1): is the CRD installed?',
  );
});

test('a refused Secret is told by its fields, never by their values', () => {
  const body = status({
    message: 'data[uri]: Invalid value: "hunter2"',
    details: { name: 'x', causes: [{ field: 'data[uri]' }] },
  });
  const error = errorFromAnswer(422, body, RESOURCES.secret);
  expect(error.message).toBe('the Secret is refused by the API server: data[uri]');
});

test('a message is cut at 1024 characters', () => {
  const error = errorFromAnswer(422, status({ message: 'x'.repeat(5_000) }), RESOURCES.configMap);
  expect(error.message).toHaveLength(1024);
});
