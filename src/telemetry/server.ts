/** The HTTP side of the operator: metrics and health. It asks the functions it was given and decides nothing. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

export interface HealthVerdict {
  readonly ok: boolean;
  /** Shown as the body; secret-free. */
  readonly detail: string;
}

/** A body to be sent as JSON with its status code. */
export interface JsonAnswer {
  readonly code: number;
  readonly body: unknown;
}

export interface HealthSources {
  /** `/healthz`: the event loop turns and no work is stuck. Not whether any database is well. */
  readonly alive: () => HealthVerdict;
  /** `/readyz`: the watches have complete lists. */
  readonly ready: () => HealthVerdict;
  /** `/health`: the worst of all resources. */
  readonly overall: () => JsonAnswer;
  /** `/health/{namespace}/{name}`; null: not known here. */
  readonly group: (namespace: string, name: string) => JsonAnswer | null;
  readonly metrics: { readonly contentType: string; readonly text: () => Promise<string> };
}

export interface HealthServer {
  readonly host: string;
  /** The port in use, also when 0 was asked for. */
  readonly port: number;
  /** Stops listening; connections still open after `deadlineMs` are cut. Never rejects. */
  close(deadlineMs: number): Promise<void>;
}

/** A client gets this long for a whole request; probes and scrapes take milliseconds. */
const REQUEST_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS = 256;

interface Reply {
  readonly code: number;
  readonly contentType: string;
  readonly body: string;
}

/** Rejects when it cannot listen there. */
export function startHealthServer(
  listen: { readonly host: string; readonly port: number },
  sources: HealthSources,
): Promise<HealthServer> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1_000 },
    (request, response) => void answer(request, response, sources),
  );
  server.maxConnections = MAX_CONNECTIONS;
  server.keepAliveTimeout = REQUEST_TIMEOUT_MS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(listen.port, listen.host, () => {
      server.off('error', reject);
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : listen.port;
      resolve({ host: listen.host, port, close: (deadlineMs) => close(server, deadlineMs) });
    });
  });
}

function close(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, sources: HealthSources): Promise<void> {
  const reply = await replyTo(request, sources);
  // Nothing here reads a body; what a client sends along is thrown away with the connection.
  if (request.method !== 'GET' && request.method !== 'HEAD') response.setHeader('Connection', 'close');
  if (reply.code === 405) response.setHeader('Allow', 'GET, HEAD');
  response.writeHead(reply.code, {
    'Content-Type': reply.contentType,
    'Content-Length': Buffer.byteLength(reply.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(request.method === 'HEAD' ? undefined : reply.body);
}

async function replyTo(request: IncomingMessage, sources: HealthSources): Promise<Reply> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'only GET and HEAD are answered here');
  try {
    return await route((request.url ?? '/').split('?', 1)[0] ?? '/', sources);
  } catch {
    // The reason may name what must not leave; whoever gave the function logs its own failures.
    return text(500, 'this could not be answered; see the log of the operator');
  }
}

async function route(path: string, sources: HealthSources): Promise<Reply> {
  switch (path) {
    case '/metrics':
      return { code: 200, contentType: sources.metrics.contentType, body: await sources.metrics.text() };
    case '/healthz':
      return verdict(sources.alive());
    case '/readyz':
      return verdict(sources.ready());
    case '/health':
      return json(sources.overall());
    default:
      return group(path, sources);
  }
}

const GROUP_PATH = /^\/health\/([a-z0-9.-]{1,253})\/([a-z0-9.-]{1,253})$/;

function group(path: string, sources: HealthSources): Reply {
  const [, namespace, name] = GROUP_PATH.exec(path) ?? [];
  if (namespace === undefined || name === undefined) {
    return text(404, 'known paths: /metrics /healthz /readyz /health /health/{namespace}/{name}');
  }
  const found = sources.group(namespace, name);
  return found === null
    ? json({ code: 404, body: { error: 'this DatabaseFailover is not observed here' } })
    : json(found);
}

const text = (code: number, body: string): Reply => ({
  code,
  contentType: 'text/plain; charset=utf-8',
  body: `${body}\n`,
});
const verdict = ({ ok, detail }: HealthVerdict): Reply => text(ok ? 200 : 503, detail);
const json = ({ code, body }: JsonAnswer): Reply => ({
  code,
  contentType: 'application/json',
  body: `${JSON.stringify(body)}\n`,
});
