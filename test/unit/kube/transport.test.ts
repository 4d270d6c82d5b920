import type { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RESOURCES } from '../../../src/api/resources.ts';
import { CredentialSource } from '../../../src/kube/credentials.ts';
import { RestClient } from '../../../src/kube/rest-client.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { FakeApiServer } from '../../support/fake-api-server.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const KEY = { namespace: 'shop', name: 'orders' };
const SERVICES = '/api/v1/namespaces/shop/services';

let server: FakeApiServer;
let clock: FakeClock;
const opened: Transport[] = [];

beforeEach(async () => {
  server = await FakeApiServer.start();
  clock = new FakeClock();
  server.put(SERVICES, 'orders');
});

afterEach(async () => {
  for (const transport of opened.splice(0)) await transport.close();
  await server.close();
});

function transportWith(load: () => KubeConfig = () => server.kubeConfig()): Transport {
  const transport = new Transport(new CredentialSource(load, clock), clock, 'tester/1.0');
  opened.push(transport);
  return transport;
}

const clientWith = (load?: () => KubeConfig): RestClient => new RestClient(transportWith(load), 'call');
const get = (client: RestClient, signal = new AbortController().signal): Promise<unknown> =>
  client.get(RESOURCES.service, KEY, { signal });

describe('a deadline ends every call', () => {
  test.each([
    ['the server never answers', { kind: 'Silence' }],
    ['the answer stops in its middle', { kind: 'HalfBody' }],
  ] as const)('when %s', async (_, fault) => {
    server.fail('get', fault);
    const answer = get(clientWith()).catch((error: unknown) => error);
    await vi.waitFor(() => expect(server.seen('get')).toHaveLength(1));
    await clock.advance(5_000);
    expect(await answer).toMatchObject({
      code: 'Unavailable',
      message: `GET ${SERVICES}/orders: no answer within 5000 ms`,
    });
    expect(clock.pending).toBe(0);
  });

  test('and the next call works on a new connection', async () => {
    const client = clientWith();
    server.fail('get', { kind: 'Silence' });
    const hung = get(client).catch((error: unknown) => error);
    await vi.waitFor(() => expect(server.seen('get')).toHaveLength(1));
    await clock.advance(5_000);
    await hung;
    expect(await get(client)).toMatchObject({ metadata: { name: 'orders' } });
    expect(server.connections).toBe(2);
  });

  test('a caller that gives up is answered at once', async () => {
    server.fail('get', { kind: 'Silence' });
    const caller = new AbortController();
    const answer = get(clientWith(), caller.signal).catch((error: unknown) => error);
    await vi.waitFor(() => expect(server.seen('get')).toHaveLength(1));
    caller.abort();
    expect(await answer).toMatchObject({ code: 'Unavailable' });
  });

  test('a caller that gave up before is not sent', async () => {
    await expect(get(clientWith(), AbortSignal.abort())).rejects.toMatchObject({ code: 'Unavailable' });
    expect(server.requests).toHaveLength(0);
  });
});

describe('connections are shared', () => {
  test('twenty calls one after the other use two at most', async () => {
    const client = clientWith();
    for (let call = 0; call < 20; call += 1) await get(client);
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test('forty calls at once use eight at most', async () => {
    const client = clientWith();
    await Promise.all(Array.from({ length: 40 }, () => get(client)));
    expect(server.connections).toBeLessThanOrEqual(8);
  });

  test('the Lease has its own, so that hung calls cannot hold it up', async () => {
    const transport = transportWith();
    const calls = new RestClient(transport, 'call');
    server.fail('get', { kind: 'Silence' }, 8);
    const caller = new AbortController();
    const hung = Array.from({ length: 8 }, () => get(calls, caller.signal).catch(() => 'given up'));
    await vi.waitFor(() => expect(server.seen('get')).toHaveLength(8));
    expect(await get(new RestClient(transport, 'lease'))).toMatchObject({ metadata: { name: 'orders' } });
    caller.abort();
    expect(new Set(await Promise.all(hung))).toEqual(new Set(['given up']));
  });

  test('a new client certificate gets new ones', async () => {
    const certificates = ['Zmlyc3Q=', 'c2Vjb25k'];
    const client = clientWith(() => server.kubeConfig({ token: 'token', certData: certificates.shift() }));
    await get(client);
    server.fail('get', { kind: 'Status', status: 401 });
    await get(client);
    const [first, refused, retried] = server.seen('get').map((request) => request.connection);
    expect([first, refused]).not.toContain(retried);
  });
});

describe('a 401 reads the credentials again', () => {
  test('and retries once with what is there now', async () => {
    const tokens = ['old-token', 'new-token'];
    const client = clientWith(() => server.kubeConfig({ token: tokens.shift() }));
    server.fail('get', { kind: 'Status', status: 401 });
    expect(await get(client)).toMatchObject({ metadata: { name: 'orders' } });
    const sent = server.seen('get').map((request) => request.headers.authorization);
    expect(sent).toEqual(['Bearer old-token', 'Bearer new-token']);
  });

  test('but no more often than that', async () => {
    const client = clientWith();
    server.fail('get', { kind: 'Status', status: 401, message: 'Unauthorized' }, 10);
    await expect(get(client)).rejects.toMatchObject({ code: 'Unauthorized', status: 401, message: 'Unauthorized' });
    expect(server.seen('get')).toHaveLength(2);
  });

  test('once for many calls that met it together', async () => {
    const tokens = ['old-token', 'new-token', 'newer-token'];
    const client = clientWith(() => server.kubeConfig({ token: tokens.shift() }));
    server.revoked.add('old-token');
    await Promise.all(Array.from({ length: 5 }, () => get(client)));
    expect(tokens).toEqual(['newer-token']);
  });

  test('at most once a second while it stays refused', async () => {
    const load = vi.fn(() => server.kubeConfig());
    const client = clientWith(load);
    server.fail('get', { kind: 'Status', status: 401 }, 100);
    for (let call = 0; call < 5; call += 1) await get(client).catch(() => 'refused');
    expect(load).toHaveBeenCalledTimes(2);
    await clock.advance(1_000);
    await get(client).catch(() => 'refused');
    expect(load).toHaveBeenCalledTimes(3);
  });
});

describe('requests carry', () => {
  test('who we are, and a token without the line feed of its file', async () => {
    await get(clientWith(() => server.kubeConfig({ token: 'from-a-file\n' })));
    const [request] = server.seen('get');
    expect(request?.headers).toMatchObject({ 'user-agent': 'tester/1.0', authorization: 'Bearer from-a-file' });
  });

  test('the path prefix of a server behind a proxy', async () => {
    server.put(`/k8s/clusters/c-1${SERVICES}`, 'orders');
    await get(clientWith(() => server.kubeConfig({ token: 't' }, '/k8s/clusters/c-1/')));
    expect(server.requests[0]?.path).toBe(`/k8s/clusters/c-1${SERVICES}/orders`);
  });

  test('user and password where the kubeconfig has these', async () => {
    await get(clientWith(() => server.kubeConfig({ username: 'jane', password: 'pass' })));
    expect(server.requests[0]?.headers.authorization).toBe(`Basic ${Buffer.from('jane:pass').toString('base64')}`);
  });
});

describe('errors name the failure and nothing else', () => {
  const SECRET = 'do-not-print-me';

  test.each([
    ['a reset connection', { kind: 'Reset' }],
    ['an answer that is no JSON', { kind: 'Text', status: 200, text: SECRET }],
    ['a proxy that answers in HTML', { kind: 'Text', status: 502, text: `<html>${SECRET}</html>` }],
    ['a failure of the API server', { kind: 'Status', status: 500 }],
    ['an API server that asks for patience', { kind: 'Status', status: 429 }],
  ] as const)('%s is Unavailable', async (_, fault) => {
    server.fail('get', fault);
    const error = await get(clientWith(() => server.kubeConfig({ token: SECRET }))).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'Unavailable' });
    expect(String(error)).not.toContain(SECRET);
  });

  test('a server that is not there is Unavailable with the code of the network', async () => {
    const config = server.kubeConfig();
    const gone = await FakeApiServer.start();
    const away = gone.kubeConfig();
    await gone.close();
    await expect(get(clientWith(() => away))).rejects.toMatchObject({
      code: 'Unavailable',
      message: `GET ${SERVICES}/orders: ECONNREFUSED`,
    });
    expect(await get(clientWith(() => config))).not.toBeNull();
  });

  test('a credential plugin that fails keeps its words for itself', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: '/bin/sh',
      args: ['-c', `echo ${SECRET} >&2; exit 1`],
    };
    const error = await get(clientWith(() => server.kubeConfig({ exec }))).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'Unauthorized' });
    expect(String(error)).not.toContain(SECRET);
  });
});

test('a credential plugin runs once for calls that start together', async () => {
  const credential = { kind: 'ExecCredential', status: { token: 'from-plugin' } };
  const exec = { command: '/bin/sh', args: ['-c', `echo >&2; echo '${JSON.stringify(credential)}'`] };
  const config = server.kubeConfig({ exec });
  const apply = vi.spyOn(config, 'applyToHTTPSOptions');
  const client = clientWith(() => config);
  await Promise.all(Array.from({ length: 6 }, () => get(client)));
  expect(apply).toHaveBeenCalledTimes(1);
  expect(server.requests[0]?.headers.authorization).toBe('Bearer from-plugin');
});
