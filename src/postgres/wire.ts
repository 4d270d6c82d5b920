import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { LayerTimer } from './layer-timer.ts';
import { ProbeFailure } from './probe-failure.ts';
import { parseFirstReply, sslRequest } from './startup-messages.ts';
import type { TlsSecurity } from './tls.ts';
import { tlsFailure } from './tls-failure.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** First keepalive probe of an idle session; the bound on a look is its deadline, this only frees dead NAT entries. */
const KEEP_ALIVE_MS = 10_000;

/**
 * Opens a connection up to, not including, the startup message: TCP, then SSLRequest and TLS where wanted.
 * Rejects with whatever went wrong (`failureOf` reads it); the socket is destroyed then, and when `signal` is aborted.
 */
export async function openWire(
  endpoint: Endpoint,
  security: TlsSecurity | null,
  layers: LayerTimer,
  signal: AbortSignal,
): Promise<Socket> {
  layers.enter('tcp');
  signal.throwIfAborted();
  const socket = connectTcp({
    host: endpoint.address,
    port: endpoint.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  });
  // A socket may fail at any moment of its life, also when nobody listens any more.
  socket.on('error', () => {});
  await step<void>(socket, signal, (done) => {
    socket.once('connect', done);
    return () => socket.off('connect', done);
  });
  if (security === null) return socket;
  layers.enter('tls');
  try {
    socket.write(sslRequest());
    checkSslReply(await readOnce(socket, signal));
    return await startTls(socket, security, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/** The next chunk of data; rejects on error, end, close and abort, and destroys the socket then. */
export function readOnce(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  return step<Buffer>(socket, signal, (done) => {
    socket.once('data', done);
    return () => socket.off('data', done);
  });
}

function checkSslReply(reply: Buffer): void {
  const first = String.fromCharCode(reply[0] ?? 0);
  // More than the one byte would be data injected before the handshake (CVE-2021-23222), or the banner of an SSH server.
  if (first === 'S' && reply.length === 1) return;
  if (first === 'N' && reply.length === 1) throw new ProbeFailure(tlsFailure('NotOffered'));
  const error = parseFirstReply(reply);
  if (error.kind === 'Error') throw new ProbeFailure({ kind: 'Rejected', sqlState: error.sqlState });
  const detail = error.kind === 'NotPostgres' ? error.detail : 'the reply to an SSLRequest is neither S nor N';
  throw new ProbeFailure({ kind: 'NotPostgres', detail });
}

async function startTls(socket: Socket, security: TlsSecurity, signal: AbortSignal): Promise<Socket> {
  const secure = connectTls({ ...security, socket });
  secure.on('error', () => {});
  secure.once('close', () => socket.destroy());
  await step<void>(secure, signal, (done) => {
    secure.once('secureConnect', done);
    return () => secure.off('secureConnect', done);
  });
  return secure;
}

/** Waits for one event of a socket; the socket's end, its errors and the abort end the wait and the socket. */
function step<T>(socket: Socket, signal: AbortSignal, listen: (done: (value: T) => void) => () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => {
      unlisten();
      socket.off('error', fail).off('end', onEnd).off('close', onEnd);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      stop();
      socket.destroy();
      reject(error);
    };
    const onEnd = (): void => fail(endOfStream());
    const onAbort = (): void => fail(signal.reason);
    const unlisten = listen((value) => {
      stop();
      resolve(value);
    });
    socket.on('error', fail).on('end', onEnd).on('close', onEnd);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else if (socket.destroyed) onEnd();
  });
}

/** The peer's orderly end of a connection: for a look the same as a reset. */
export function endOfStream(): Error {
  return Object.assign(new Error('the peer closed the connection'), { code: 'ECONNRESET' });
}
