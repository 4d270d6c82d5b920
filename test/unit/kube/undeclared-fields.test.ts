import { expect, test } from 'vitest';
import { withoutUndeclared } from '../../../src/kube/undeclared-fields.ts';
import { KubeError } from '../../../src/ports/kube.ts';

const object = {
  apiVersion: 'dbfailover.dev/v1alpha1',
  kind: 'DatabaseFailover',
  metadata: { name: 'orders', namespace: 'shop' },
  status: {
    epoch: 3,
    numbersAt: 'now',
    members: [
      { name: 'm1', witness: 'Alive' },
      { name: 'm2', witness: 'Lost', lsn: '0/1' },
    ],
  },
};
const refusal = (fields: readonly string[], code: 'Unavailable' | 'Conflict' = 'Unavailable') =>
  new KubeError(code, `failed to create typed patch object (shop/orders): errors:\n${fields.join('\n')}`, 500);
const undeclared = (path: string) => `  ${path}: field not declared in schema`;

test('what the schema does not declare is left out, in every item of a list', () => {
  const error = refusal([undeclared('.status.numbersAt'), undeclared('.status.members[name="m1"].witness')]);
  expect(withoutUndeclared(object, error)?.status).toEqual({
    epoch: 3,
    members: [{ name: 'm1' }, { name: 'm2', lsn: '0/1' }],
  });
});

test.each([
  ['another failure', refusal(['etcd is gone'])],
  ['a field outside the status', refusal([undeclared('.spec.paused')])],
  ['a conflict', refusal([undeclared('.status.numbersAt')], 'Conflict')],
  ['an error that is not the API server’s', new Error(undeclared('.status.numbersAt'))],
])('%s leaves the object alone', (_, error) => {
  expect(withoutUndeclared(object, error)).toBeNull();
});
