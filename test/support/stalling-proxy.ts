/** A proxy between an operator and the API server that can hold one write, before it is forwarded or after it was answered. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { z } from 'zod';
import { GATEWAY } from '../../hack/world/addresses.ts';
import { readWorld } from '../../hack/world/world-description.ts';

export interface SeenWrite {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Parsed JSON; null where there is none. */
  readonly body: unknown;
}

/** `HoldBefore`: the API server never hears of it. `HoldAfter`: it is done there, and its answer never comes. */
export type Ruling = 'Forward' | 'HoldBefore' | 'HoldAfter';

export interface StallingProxy {
  /** Names the proxy as the server, for the same user. */
  readonly kubeconfig: string;
  /** `rule` is asked for each write from now on, but for those of Leases and Events; until then all are forwarded. */
  obey(rule: (write: SeenWrite) => Ruling): void;
  /** Resolves once a write is held: its sender gets no answer any more. */
  readonly holding: Promise<SeenWrite>;
  close(): Promise<void>;
}

const kubeconfigSchema = z.looseObject({
  clusters: z
    .array(z.looseObject({ cluster: z.looseObject({ server: z.string(), 'certificate-authority-data': z.string() }) }))
    .length(1),
});

export async function startStallingProxy(kubeconfig: string): Promise<StallingProxy> {
  let rule: (write: SeenWrite) => Ruling = () => 'Forward';
  const config = kubeconfigSchema.parse(JSON.parse(await readFile(kubeconfig, 'utf8')));
  const [entry] = config.clusters;
  if (entry === undefined) throw new Error(`${kubeconfig} names no cluster`);
  const { server: target, 'certificate-authority-data': ca } = entry.cluster;
  const agent = new Agent({ ca: Buffer.from(ca, 'base64'), keepAlive: true });
  const held = Promise.withResolvers<SeenWrite>();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const write = writeOf(request, body);
    const ruling = write === null ? 'Forward' : rule(write);
    if (write !== null && ruling === 'HoldBefore') {
      held.resolve(write);
      return;
    }
    const upstream = httpsRequest(new URL(request.url ?? '/', target), {
      method: request.method,
      headers: { ...request.headers, host: new URL(target).host },
      agent,
    });
    response.once('close', () => upstream.destroy());
    upstream.once('error', () => response.destroy());
    const answered = new Promise<IncomingMessage>((resolve) => upstream.once('response', resolve));
    upstream.end(body);
    const answer = await answered;
    if (write !== null && ruling === 'HoldAfter') {
      await bodyOf(answer);
      held.resolve(write);
      return;
    }
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    // A quiet watch sends nothing for a while, and its headers must not wait for that.
    response.flushHeaders();
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  };

  const proxy = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  proxy.listen(0, GATEWAY);
  await once(proxy, 'listening');
  const address = proxy.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  const { port } = address;
  const file = join(readWorld().runDir, `proxy-${port}.kubeconfig`);
  // Plain HTTP is taken from a kubeconfig only with this word.
  const cluster = { server: `http://${GATEWAY}:${port}`, 'insecure-skip-tls-verify': true };
  const proxied = { ...entry, cluster };
  await writeFile(file, JSON.stringify({ ...config, clusters: [proxied] }), { mode: 0o600 });
  return {
    kubeconfig: file,
    obey: (next) => {
      rule = next;
    },
    holding: held.promise,
    close: async () => {
      proxy.closeAllConnections();
      proxy.close();
      agent.destroy();
      await once(proxy, 'close');
    },
  };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

function writeOf(request: IncomingMessage, body: Buffer): SeenWrite | null {
  const { method = 'GET', url = '/' } = request;
  const path = url.split('?')[0] ?? '/';
  if (method === 'GET' || /\/(leases|events)(\/|$)/.test(path)) return null;
  return { method, path, body: body.length === 0 ? null : JSON.parse(body.toString('utf8')) };
}
