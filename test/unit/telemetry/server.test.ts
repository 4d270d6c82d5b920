import { connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { type HealthServer, type HealthSources, startHealthServer } from '../../../src/telemetry/server.ts';

const servers: HealthServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close(0);
});

async function serve(over: Partial<HealthSources> = {}) {
  const server = await startHealthServer(
    { host: '127.0.0.1', port: 0 },
    {
      alive: () => ({ ok: true, detail: 'ok' }),
      ready: () => ({ ok: false, detail: 'waiting for the list of DatabaseFailovers' }),
      overall: () => ({ code: 503, body: { status: 'down' } }),
      group: (namespace, name) => (name === 'orders' ? { code: 200, body: { status: 'ok', namespace, name } } : null),
      metrics: { contentType: 'text/plain; version=0.0.4', text: async () => 'dbfailover_resources 1\n' },
      ...over,
    },
  );
  servers.push(server);
  const url = `http://${server.host}:${server.port}`;
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`${url}${path}`, { method });
    return { code: response.status, headers: response.headers, text: await response.text() };
  };
  return { server, ask };
}

test.each([
  ['/metrics', 200, 'text/plain; version=0.0.4', 'dbfailover_resources 1\n'],
  ['/healthz', 200, 'text/plain; charset=utf-8', 'ok\n'],
  ['/readyz', 503, 'text/plain; charset=utf-8', 'waiting for the list of DatabaseFailovers\n'],
  ['/health', 503, 'application/json', '{"status":"down"}\n'],
  ['/health/shop/orders', 200, 'application/json', '{"status":"ok","namespace":"shop","name":"orders"}\n'],
  ['/health/shop/orders?verbose=1', 200, 'application/json', '{"status":"ok","namespace":"shop","name":"orders"}\n'],
  ['/health/shop/unknown', 404, 'application/json', '{"error":"this DatabaseFailover is not observed here"}\n'],
])('GET %s', async (path, code, type, text) => {
  const { ask } = await serve();
  const answer = await ask(path);
  expect([answer.code, answer.headers.get('content-type'), answer.text]).toEqual([code, type, text]);
  expect(answer.headers.get('cache-control')).toBe('no-store');
});

test.each([
  '/',
  '/health/',
  '/health/shop',
  '/health/shop/orders/x',
  '/health/shop/..%2f..',
  '/debug/pprof',
  '/METRICS',
])('%s is not found, and the answer lists what is', async (path) => {
  const { ask } = await serve();
  const answer = await ask(path);
  expect(answer.code).toBe(404);
  expect(answer.text).toContain('/health/{namespace}/{name}');
});

test.each(['POST', 'PUT', 'DELETE', 'PATCH'])('%s is refused with what is allowed', async (method) => {
  const { ask } = await serve();
  const answer = await ask('/health', method);
  expect([answer.code, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('HEAD answers as GET does, without a body', async () => {
  const { ask } = await serve();
  const answer = await ask('/health/shop/orders', 'HEAD');
  expect([answer.code, answer.text]).toEqual([200, '']);
  expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(0);
});

test('a source that fails answers 500 and shows nothing of the reason', async () => {
  const { ask } = await serve({
    overall: () => {
      throw new Error('password=hunter2');
    },
    metrics: { contentType: 'text/plain', text: () => Promise.reject(new Error('hunter2')) },
  });
  for (const path of ['/health', '/metrics']) {
    const answer = await ask(path);
    expect(answer.code).toBe(500);
    expect(answer.text).not.toContain('hunter2');
  }
});

test('an address that is taken is an error, not a crash', async () => {
  const { server } = await serve();
  const sources: HealthSources = {
    alive: () => ({ ok: true, detail: '' }),
    ready: () => ({ ok: true, detail: '' }),
    overall: () => ({ code: 200, body: {} }),
    group: () => null,
    metrics: { contentType: '', text: async () => '' },
  };
  await expect(startHealthServer({ host: '127.0.0.1', port: server.port }, sources)).rejects.toThrow('EADDRINUSE');
});

describe('closing', () => {
  test('cuts a connection that sends nothing when the deadline is over', async () => {
    const { server } = await serve();
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write('GET /healthz HTTP/1.1\r\n');
    const closed = vi.fn();
    socket.once('close', closed);
    const startedAt = performance.now();
    await server.close(50);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  test('does not wait for the deadline when nobody is connected', async () => {
    const { server, ask } = await serve();
    await ask('/healthz');
    const startedAt = performance.now();
    await server.close(30_000);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
