import { expect, test } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { createWorld, NAMESPACE } from '../../support/fake-world.ts';
import { adopted } from '../../support/world-acts.ts';

const CLIENT_CERTIFICATE = { 'spec.tls': { mode: 'Require', clientCertRef: { name: 'orders-client' } } };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const secret = (name: string, data: object) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: NAMESPACE, name },
  data,
});

/** The Secret of the monitor role has a name and nothing else. */
function worldWithoutPassword(edits: Readonly<Record<string, unknown>>) {
  const world = createWorld({ edits });
  const login = { namespace: NAMESPACE, name: 'orders-monitor' };
  world.cluster.overwrite(RESOURCES.secret, login, { data: { username: base64('monitor') } });
  const pem = base64('-----BEGIN SOMETHING-----');
  world.cluster.put(RESOURCES.secret, secret('orders-client', { 'tls.crt': pem, 'tls.key': pem }));
  world.start();
  return world;
}

test('the monitor role may log in by its client certificate alone', async () => {
  await adopted(worldWithoutPassword(CLIENT_CERTIFICATE));
});

test('without a client certificate it needs a password, and the status says which key is missing', async () => {
  const world = worldWithoutPassword({});
  await world.until('told', () => world.condition('Stalled')?.reason === 'CredentialsMalformed');
  expect(world.condition('Stalled')?.message).toContain('Secret orders-monitor has no key password');
});
