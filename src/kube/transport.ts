import type { Readable } from 'node:stream';
import type { Clock } from '../ports/clock.ts';
import { KubeError } from '../ports/kube.ts';
import { Connections, type Lane } from './connections.ts';
import type { CredentialSource } from './credentials.ts';
import { withDeadline } from './deadline.ts';
import { kindOfError } from './kube-config.ts';
import { parseJson } from './wire-objects.ts';

/** A page of 500 objects at etcd's limit of 1.5 MiB each would be more; nobody's page is. */
const BODY_LIMIT_BYTES = 64 * 1024 * 1024;

export interface TransportRequest {
  readonly lane: Lane;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With query; never shown. */
  readonly path: string;
  readonly contentType?: string;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** Parsed JSON; null when the body is none. */
  readonly body: unknown;
}

export interface OpenStream {
  readonly status: number;
  readonly body: Readable;
}

interface Sent extends OpenStream {
  readonly generation: number;
}

/**
 * HTTP to the API server. Answers of any status are returned; what did not reach the server or came back broken rejects
 * with a `KubeError`, whose message holds method, path and error code, and never a header or a body.
 */
export class Transport {
  readonly #credentials: CredentialSource;
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #connections = new Connections();

  constructor(credentials: CredentialSource, clock: Clock, userAgent: string) {
    this.#credentials = credentials;
    this.#clock = clock;
    this.#userAgent = userAgent;
  }

  /** One whole exchange, credentials included, within `deadlineMs`. */
  call(
    request: TransportRequest,
    limit: { readonly deadlineMs: number; readonly signal: AbortSignal },
  ): Promise<Answer> {
    const bound = { ms: limit.deadlineMs, signal: limit.signal, what: nameOf(request) };
    return withDeadline(this.#clock, bound, async (signal) => {
      const sent = await this.#sendTwiceIfRefused(request, signal);
      try {
        return { status: sent.status, body: jsonOrNull(await readText(sent.body), sent.status) };
      } catch (error) {
        throw asKubeError(request, error);
      }
    });
  }

  /** Resolves with the headers within `deadlineMs`; the body then lives until `signal` aborts or it is destroyed. */
  async stream(
    request: TransportRequest,
    limit: { readonly deadlineMs: number; readonly signal: AbortSignal },
  ): Promise<OpenStream> {
    const life = new AbortController();
    const end = (): void => life.abort(limit.signal.reason);
    limit.signal.addEventListener('abort', end, { once: true });
    const bound = { ms: limit.deadlineMs, signal: limit.signal, what: nameOf(request) };
    try {
      const sent = await withDeadline(this.#clock, bound, () => this.#sendTwiceIfRefused(request, life.signal));
      sent.body.once('close', () => limit.signal.removeEventListener('abort', end));
      return sent;
    } catch (error) {
      limit.signal.removeEventListener('abort', end);
      life.abort(error);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#connections.destroy();
  }

  /** 401: tokens may have been rotated since they were read. */
  async #sendTwiceIfRefused(request: TransportRequest, signal: AbortSignal): Promise<Sent> {
    const first = await this.#send(request, signal);
    if (first.status !== 401) return first;
    discard(first.body);
    this.#credentials.renew(first.generation);
    return this.#send(request, signal);
  }

  async #send(request: TransportRequest, signal: AbortSignal): Promise<Sent> {
    const credentials = await this.#credentials.current();
    const { server, headers, generation } = credentials;
    try {
      const response = await this.#connections.dispatcher(request.lane, credentials).request({
        origin: server.origin,
        // Some servers live below a path (`https://rancher/k8s/clusters/c-1`).
        path: `${server.pathname.replace(/\/$/, '')}${request.path}`,
        method: request.method,
        headers: {
          ...headers,
          accept: 'application/json',
          'user-agent': this.#userAgent,
          ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
        },
        body: request.body === undefined ? null : JSON.stringify(request.body),
        signal,
      });
      return { status: response.statusCode, body: response.body, generation };
    } catch (error) {
      throw asKubeError(request, error);
    }
  }
}

/** An error of an unread body has no other listener than this one, and nobody misses the rest of that answer. */
export function discard(body: Readable): void {
  body.on('error', () => {});
  body.destroy();
}

export async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > BODY_LIMIT_BYTES) throw new KubeError('Unavailable', 'the API server answered more than 64 MiB');
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOrNull(text: string, status: number): unknown {
  if (status >= 200 && status < 300) return parseJson(text);
  try {
    return parseJson(text);
  } catch {
    // Proxies and a starting API server answer errors in plain text; the status alone is used then.
    return null;
  }
}

function asKubeError(request: TransportRequest, error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError('Unavailable', `${nameOf(request)}: ${kindOfError(error)}`, null, { cause: error });
}

function nameOf(request: TransportRequest): string {
  return `${request.method} ${request.path.split('?')[0]}`;
}
