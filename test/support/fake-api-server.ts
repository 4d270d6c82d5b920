import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

/** What a scripted fault does instead of the right answer. */
export type Fault =
  | { readonly kind: 'Status'; readonly status: number; readonly reason?: string; readonly message?: string }
  | { readonly kind: 'Text'; readonly status: number; readonly text: string }
  | { readonly kind: 'Reset' }
  /** The request is read and never answered. */
  | { readonly kind: 'Silence' }
  /** Headers and half a body, then nothing. */
  | { readonly kind: 'HalfBody' };

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'replace' | 'patch' | 'delete';

export interface SeenRequest {
  readonly verb: Verb;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly connection: number;
}

/** One open watch as the server holds it. */
export interface ServedWatch {
  readonly query: URLSearchParams;
  readonly open: boolean;
  event(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: StoredObject): void;
  bookmark(resourceVersion: string): void;
  error(status: number, reason: string): void;
  raw(bytes: string | Buffer): void;
  end(): void;
  reset(): void;
}

interface StoredObject {
  readonly metadata: { readonly name: string; readonly resourceVersion: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

interface Script {
  readonly verb: Verb;
  readonly fault: Fault;
}

/**
 * An API server that answers GET, LIST (paged) and WATCH from objects that the test puts there, other verbs by a
 * scripted answer, and misbehaves on demand. Not a model of Kubernetes: what it says is what the test told it.
 */
export class FakeApiServer {
  readonly requests: SeenRequest[] = [];
  readonly watches: ServedWatch[] = [];
  /** Bearer tokens that are answered with 401. */
  readonly revoked = new Set<string>();
  readonly #objects = new Map<string, StoredObject>();
  readonly #faults: Script[] = [];
  readonly #answers = new Map<Verb, { status: number; body: unknown }>();
  readonly #sockets = new Map<Socket, number>();
  readonly #server: Server;
  #connections = 0;
  #version = 100;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<FakeApiServer> {
    const server = createServer();
    const fake = new FakeApiServer(server);
    server.on('connection', (socket) => {
      fake.#connections += 1;
      fake.#sockets.set(socket, fake.#connections);
      socket.on('close', () => fake.#sockets.delete(socket));
    });
    server.on('request', (request, response) => void fake.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  /** Connections ever accepted. */
  get connections(): number {
    return this.#connections;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the fake API server does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  kubeConfig(user: Record<string, unknown> = { token: 'first-token' }, pathPrefix = ''): KubeConfig {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'fake', server: `${this.url}${pathPrefix}`, skipTLSVerify: true }],
      users: [{ name: 'tester', ...user }],
      contexts: [{ name: 'fake', cluster: 'fake', user: 'tester' }],
      currentContext: 'fake',
    });
    return config;
  }

  /** Stores an object below its collection's path and returns it as stored; open watches are not told. */
  put(collection: string, name: string, fields: Readonly<Record<string, unknown>> = {}): StoredObject {
    this.#version += 1;
    const stored = { ...fields, metadata: { name, uid: `uid-${name}`, resourceVersion: String(this.#version) } };
    this.#objects.set(`${collection}/${name}`, stored);
    return stored;
  }

  remove(collection: string, name: string): void {
    this.#objects.delete(`${collection}/${name}`);
  }

  /** The next request with `verb` meets `fault`; several calls queue up. */
  fail(verb: Verb, fault: Fault, times = 1): void {
    for (let count = 0; count < times; count += 1) this.#faults.push({ verb, fault });
  }

  /** Every request with `verb` is answered so, as long as no fault is queued. */
  answer(verb: Verb, status: number, body: unknown): void {
    this.#answers.set(verb, { status, body });
  }

  seen(verb: Verb): SeenRequest[] {
    return this.requests.filter((request) => request.verb === verb);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets.keys()) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const verb = this.#verbOf(request.method ?? 'GET', url);
    this.requests.push({
      verb,
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(chunks).toString('utf8'),
      connection: this.#sockets.get(request.socket) ?? 0,
    });
    const index = this.#faults.findIndex((script) => script.verb === verb);
    const [script] = index === -1 ? [] : this.#faults.splice(index, 1);
    if (this.revoked.has(request.headers.authorization?.slice('Bearer '.length) ?? '')) {
      misbehave({ kind: 'Status', status: 401 }, response);
    } else if (script !== undefined) misbehave(script.fault, response);
    else if (verb === 'watch') this.#openWatch(url.searchParams, response);
    else this.#reply(verb, url, response);
  }

  #reply(verb: Verb, url: URL, response: ServerResponse): void {
    const { status, body } = this.#answers.get(verb) ?? this.#rightAnswer(verb, url);
    send(response, status, body);
  }

  #rightAnswer(verb: Verb, url: URL): { status: number; body: unknown } {
    if (verb === 'list') return { status: 200, body: this.#list(url) };
    const object = this.#objects.get(url.pathname);
    if (object !== undefined) return { status: 200, body: object };
    const details = { name: url.pathname.split('/').at(-1) };
    return { status: 404, body: { kind: 'Status', code: 404, reason: 'NotFound', message: 'not found', details } };
  }

  #list(url: URL): unknown {
    const inside = [...this.#objects]
      .filter(([path]) => path.startsWith(`${url.pathname}/`))
      .map(([, object]) => object);
    const from = Number(url.searchParams.get('continue') ?? '0');
    const to = from + Number(url.searchParams.get('limit') ?? inside.length);
    const next = to < inside.length ? { continue: String(to) } : {};
    return {
      kind: 'List',
      metadata: { resourceVersion: String(this.#version), ...next },
      items: inside.slice(from, to),
    };
  }

  #openWatch(query: URLSearchParams, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const line = (value: unknown): void => void response.write(`${JSON.stringify(value)}\n`);
    this.watches.push({
      query,
      get open() {
        return !response.destroyed && !response.writableEnded;
      },
      event: (type, object) => line({ type, object }),
      bookmark: (resourceVersion) => line({ type: 'BOOKMARK', object: { metadata: { resourceVersion } } }),
      error: (code, reason) => line({ type: 'ERROR', object: { kind: 'Status', code, reason, message: reason } }),
      raw: (bytes) => void response.write(bytes),
      end: () => void response.end(),
      reset: () => void response.socket?.resetAndDestroy(),
    });
  }

  #verbOf(method: string, url: URL): Verb {
    if (url.searchParams.get('watch') === 'true') return 'watch';
    if (method === 'GET') return /\/namespaces\/[^/]+\/[^/]+\/[^/]+/.test(url.pathname) ? 'get' : 'list';
    return ({ POST: 'create', PUT: 'replace', PATCH: 'patch', DELETE: 'delete' } as const)[method] ?? 'get';
  }
}

function misbehave(fault: Fault, response: ServerResponse): void {
  switch (fault.kind) {
    case 'Status': {
      const { status, reason = 'Failure', message = reason } = fault;
      send(response, status, { kind: 'Status', code: status, reason, message, details: { name: 'x' } });
      return;
    }
    case 'Text':
      response.writeHead(fault.status, { 'content-type': 'text/plain' }).end(fault.text);
      return;
    case 'Reset':
      response.socket?.resetAndDestroy();
      return;
    case 'HalfBody':
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"half":');
      return;
    case 'Silence':
      return;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
