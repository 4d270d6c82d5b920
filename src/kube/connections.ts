import type { ConnectionOptions } from 'node:tls';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import { KubeError } from '../ports/kube.ts';
import type { Credentials } from './credentials.ts';

/**
 * Who shares sockets. A watch occupies one for minutes, and a stalled call must never delay the Lease: each lane has
 * its own.
 */
export type Lane = 'call' | 'watch' | 'lease';

/** Sockets at most per lane; null: as many as there are watches. */
const SOCKETS: Readonly<Record<Lane, number | null>> = { call: 8, watch: null, lease: 2 };
const CONNECT_TIMEOUT_MS = 4_000;
/** Below the 90 s after which Go's HTTP server closes an idle connection, so that a call rarely meets the closing. */
const IDLE_SOCKET_MS = 30_000;
/** A belt below the clock's deadlines, which end a call first; list calls have 30 s. */
const HEADERS_TIMEOUT_MS = 60_000;

interface Opened {
  readonly connectionId: string;
  readonly dispatcher: Dispatcher;
}

/** One dispatcher per lane, replaced when the authority or the client certificate changes. */
export class Connections {
  readonly #opened = new Map<Lane, Opened>();
  readonly #draining = new Set<Dispatcher>();

  dispatcher(lane: Lane, credentials: Credentials): Dispatcher {
    const opened = this.#opened.get(lane);
    if (opened?.connectionId === credentials.connectionId) return opened.dispatcher;
    const dispatcher = open(lane, credentials);
    this.#opened.set(lane, { connectionId: credentials.connectionId, dispatcher });
    if (opened !== undefined) this.#drain(opened.dispatcher);
    return dispatcher;
  }

  /** Ends every request and socket. */
  async destroy(): Promise<void> {
    const all = [...this.#draining, ...[...this.#opened.values()].map((opened) => opened.dispatcher)];
    this.#opened.clear();
    await Promise.all(all.map((dispatcher) => dispatcher.destroy()));
  }

  /** What runs on the old connections may end by itself: a watch does so within ten minutes. */
  #drain(dispatcher: Dispatcher): void {
    this.#draining.add(dispatcher);
    const forget = (): boolean => this.#draining.delete(dispatcher);
    dispatcher.close().then(forget, forget);
  }
}

function open(lane: Lane, credentials: Credentials): Dispatcher {
  const { connection } = credentials;
  const options = {
    // HTTP/1.1 on purpose: one stalled stream of a shared HTTP/2 connection would stall the watches and the calls alike.
    allowH2: false,
    connections: SOCKETS[lane],
    pipelining: 1,
    keepAliveTimeout: IDLE_SOCKET_MS,
    keepAliveMaxTimeout: IDLE_SOCKET_MS,
    headersTimeout: HEADERS_TIMEOUT_MS,
    // A quiet watch is bounded by the watch's own clock.
    bodyTimeout: lane === 'watch' ? 0 : HEADERS_TIMEOUT_MS,
  };
  switch (connection.type) {
    case 'agent':
      return new Agent({ ...options, connect: connectOptions(connection.connect) });
    case 'none':
      return new Agent({ ...options, connect: { timeout: CONNECT_TIMEOUT_MS, keepAlive: true } });
    case 'proxy':
      return new ProxyAgent({
        ...options,
        uri: connection.uri,
        requestTls: connectOptions(connection.requestTls),
        connect: connectOptions(connection.connect),
      });
    case 'socks':
      throw new KubeError('Unauthorized', 'the kubeconfig names a SOCKS proxy, which is not supported');
  }
}

/** The port comes with each request's origin; client-node never sets one here. */
function connectOptions<T extends ConnectionOptions>(options: T): Omit<T, 'port'> & { timeout: number } {
  const { port: _port, ...rest } = options;
  return { ...rest, timeout: CONNECT_TIMEOUT_MS };
}
