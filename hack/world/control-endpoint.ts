import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { z } from 'zod';
import type { ControlPlane } from './control-plane.ts';
import type { DnsServer } from './dns-server.ts';

const MAX_BODY_BYTES = 65_536;

const delayMs = z.number().min(0).exactOptional();
const scriptSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('Records'),
    a: z.array(z.ipv4()).exactOptional(),
    aaaa: z.array(z.ipv6()).exactOptional(),
    cname: z.string().exactOptional(),
    ttl: z.number().int().min(0).exactOptional(),
    delayMs,
  }),
  z.object({ kind: z.literal('NXDOMAIN'), delayMs }),
  z.object({ kind: z.literal('SERVFAIL'), delayMs }),
  z.object({ kind: z.literal('Silent') }),
]);

export interface ControlledParts {
  readonly dns: DnsServer;
  /** Settles once the control plane is up; requests that need it wait. */
  readonly controlPlane: Promise<ControlPlane>;
}

/**
 * HTTP for whoever runs inside the world: POST /apiserver/{stop,start,freeze,thaw},
 * POST /kube-proxy/min-sync-period/{0s,1s}, PUT /dns/{name} with a DnsScript, DELETE /dns/{name}.
 * 204 when done, 404 for an unknown path, 400 with a sentence when it went wrong.
 */
export async function startControlEndpoint(address: string, port: number, parts: ControlledParts): Promise<void> {
  const server = createServer((request, response) => {
    void act(parts, request).then(
      (status) => response.writeHead(status).end(),
      (error: unknown) => response.writeHead(400).end(error instanceof Error ? error.message : String(error)),
    );
  });
  server.listen(port, address);
  await once(server, 'listening');
}

async function act({ dns, controlPlane }: ControlledParts, request: IncomingMessage): Promise<204 | 404> {
  const [, area, name = '', value] = (request.url ?? '').split('/').map(decodeURIComponent);
  switch (`${request.method} ${area}`) {
    case 'PUT dns':
      dns.set(name, scriptSchema.parse(JSON.parse(await readBody(request))));
      return 204;
    case 'DELETE dns':
      dns.forget(name);
      return 204;
    case 'POST apiserver':
      return actOnApiServer(await controlPlane, name);
    case 'POST kube-proxy':
      if (name !== 'min-sync-period' || (value !== '0s' && value !== '1s')) return 404;
      await (await controlPlane).setMinSyncPeriod(value);
      return 204;
    default:
      return 404;
  }
}

async function actOnApiServer(controlPlane: ControlPlane, action: string): Promise<204 | 404> {
  switch (action) {
    case 'stop':
      await controlPlane.stopApiServer();
      return 204;
    case 'start':
      await controlPlane.startApiServer();
      return 204;
    case 'freeze':
      controlPlane.freezeApiServer();
      return 204;
    case 'thaw':
      controlPlane.thawApiServer();
      return 204;
    default:
      return 404;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request) {
    const bytes = Buffer.from(part);
    size += bytes.length;
    if (size > MAX_BODY_BYTES) throw new Error('the body is too large');
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString('utf8');
}
