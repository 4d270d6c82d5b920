import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { afterEach, expect, test, vi } from 'vitest';
import { countRequests } from '../../../src/telemetry/request-counter.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function counting(server: Server) {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const agent = new Agent();
  const counted: string[] = [];
  const stop = countRequests((method, code) => counted.push(`${method} ${code}`));
  cleanups.push(
    stop,
    () => agent.destroy(),
    () => server.close(),
    () => server.closeAllConnections(),
  );
  return { url: `http://127.0.0.1:${port}/`, agent, counted, stop };
}

test('an answer is counted with its code, a request without one as none', async () => {
  const { url, agent, counted } = await counting(
    createServer((req, res) => (req.method === 'GET' ? res.writeHead(404).end() : req.socket.destroy())),
  );
  await (await request(url, { dispatcher: agent })).body.dump();
  await expect(request(url, { dispatcher: agent, method: 'PATCH' })).rejects.toThrow();
  expect(counted).toEqual(['GET 404', 'PATCH null']);
});

test('a watch that was answered and breaks is counted once', async () => {
  const { url, agent, counted } = await counting(
    createServer((_req, res) => {
      res.writeHead(200).write('{}\n');
      setImmediate(() => res.destroy());
    }),
  );
  const { body } = await request(url, { dispatcher: agent });
  await expect(body.text()).rejects.toThrow();
  await vi.waitFor(() => expect(counted).toEqual(['GET 200']));
});

test('nothing is counted after it was ended', async () => {
  const { url, agent, counted, stop } = await counting(createServer((_req, res) => res.end()));
  stop();
  await (await request(url, { dispatcher: agent })).body.dump();
  expect(counted).toEqual([]);
});
