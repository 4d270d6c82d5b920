import type { Socket } from 'node:net';
import { Client } from 'pg';
import type { Clock } from '../ports/clock.ts';
import type { RoleCredentials } from '../ports/members.ts';
import type { LayerTimer } from './layer-timer.ts';
import { codeOf, sqlStateOf } from './outcome.ts';
import { ProbeFailure } from './probe-failure.ts';
import { SessionStream } from './session-stream.ts';
import { APPLICATION_NAME } from './startup-exchange.ts';
import { parseFirstReply } from './startup-messages.ts';
import { endOfStream } from './wire.ts';

export type Row = Readonly<Record<string, unknown>>;

/** One authenticated connection. */
export interface Session {
  /**
   * Simple protocol: several statements in one round trip; the rows of the last one. Rejects with the server's error
   * (the session stays usable unless the server ended it), or with the connection's error or the signal's reason (the
   * session is destroyed).
   */
  readonly query: (text: string, signal: AbortSignal) => Promise<readonly Row[]>;
  readonly isOpen: () => boolean;
  /** At most one listener: called once if the session ends by itself, with a SQLSTATE or `Reset`. */
  readonly onLost: (listener: (code: string) => void) => void;
  /** Says goodbye and goes; never waits for the peer. */
  readonly close: () => void;
}

export interface SessionOptions {
  readonly clock: Clock;
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly database: string;
  readonly credentials: RoleCredentials;
  /** A walsender that also knows the database: admitted by the same pg_hba.conf lines as ordinary sessions. */
  readonly replication?: boolean;
}

/** A peer that does not read any more gets this long to take the goodbye. */
const GOODBYE_MS = 200;

/** Authenticates over an open connection. Rejects as `Session.query` does, and the socket is destroyed then. */
export async function openSession(
  socket: Socket,
  options: SessionOptions,
  layers: LayerTimer,
  signal: AbortSignal,
): Promise<Session> {
  layers.enter('startup');
  let received = Buffer.alloc(0);
  let isAnswered = false;
  const stream = new SessionStream(socket, (chunk) => {
    if (isAnswered) return;
    received = Buffer.concat([received, chunk]);
    isAnswered = hasAnswered(received);
    if (isAnswered) layers.enter('auth');
  });
  const client = new ProbeClient(stream, options);
  const lifeline = watchLife(client);
  try {
    await abortable(client.connect(), stream, signal, lifeline.release);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  return {
    query: async (text, querySignal) => {
      stream.expectReply();
      try {
        return rowsOf(await abortable(client.query(text), stream, querySignal, lifeline.release));
      } catch (error) {
        lifeline.noteError(error);
        throw error;
      }
    },
    isOpen: lifeline.isOpen,
    onLost: lifeline.onLost,
    close: () => {
      lifeline.release();
      const cancel = options.clock.after(GOODBYE_MS, () => stream.destroy());
      stream.once('close', cancel);
      client.end(() => stream.destroy());
    },
  };
}

/** `pg` fills what is not given from `PG*` variables and files; here every word of the startup message is ours. */
class ProbeClient extends Client {
  readonly #startup: Readonly<Record<string, string>>;

  constructor(stream: SessionStream, { endpoint, database, credentials, replication }: SessionOptions) {
    super({
      host: endpoint.address,
      port: endpoint.port,
      user: credentials.user,
      // As a function, so that an empty password is not looked up elsewhere.
      password: () => passwordOf(credentials),
      database,
      stream: () => stream,
      ssl: false,
      sslnegotiation: 'postgres',
      keepAlive: false,
    });
    this.#startup = {
      user: credentials.user,
      database,
      application_name: APPLICATION_NAME,
      ...(replication === true ? { replication: 'database' } : {}),
    };
  }

  /** What `pg` sends as the startup message, with `client_encoding=UTF8` behind it. */
  getStartupConf(): Readonly<Record<string, string>> {
    return this.#startup;
  }
}

/**
 * Called when the server asks for it. No password satisfies a server that wants one, and `pg` has no word for that: it is what
 * the server says of a wrong one.
 */
function passwordOf({ password }: RoleCredentials): string {
  if (password === '') throw new ProbeFailure({ kind: 'Rejected', sqlState: '28P01' });
  return password;
}

/** True once the server has said what it wants; throws when that is not PostgreSQL's protocol. */
function hasAnswered(received: Buffer): boolean {
  const reply = parseFirstReply(received);
  if (reply.kind === 'NotPostgres') throw new ProbeFailure({ kind: 'NotPostgres', detail: reply.detail });
  if (reply.kind === 'Error') throw new ProbeFailure({ kind: 'Rejected', sqlState: reply.sqlState });
  return reply.kind === 'Authentication';
}

/** 57P01 to 57P05 and the session timeouts 25P03 to 25P05: after these the server closes the connection. */
export function endsSession(sqlState: string): boolean {
  return /^(57P0[1-5]|25P0[345])$/.test(sqlState);
}

interface Lifeline {
  readonly isOpen: () => boolean;
  readonly onLost: (listener: (code: string) => void) => void;
  /** A query failed: what it failed with may be the server's last word on this session. */
  readonly noteError: (error: unknown) => void;
  /** We end it ourselves: nothing is lost. */
  readonly release: () => void;
}

/** The client's events come up to twice after a failure, or not at all: listening starts before the connection does. */
function watchLife(client: Client): Lifeline {
  let isOpen = true;
  let code: string | null = null;
  let notify: ((code: string) => void) | null = null;
  const noteError = (error: unknown): void => {
    const sqlState = sqlStateOf(error);
    if (sqlState === null || endsSession(sqlState)) isOpen = false;
    if (sqlState !== null && endsSession(sqlState)) code ??= sqlState;
  };
  client.on('error', noteError);
  client.on('end', () => {
    isOpen = false;
    notify?.(code ?? 'Reset');
    notify = null;
  });
  return {
    isOpen: () => isOpen,
    onLost: (listener) => {
      notify = listener;
    },
    noteError,
    release: () => {
      isOpen = false;
      notify = null;
    },
  };
}

/** `work`, or the signal's reason as soon as it is aborted; only an error that the server sent leaves the stream alive. */
function abortable<T>(work: Promise<T>, stream: SessionStream, signal: AbortSignal, release: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => {
      // Before the stream goes: what we end ourselves is no loss to be told.
      release();
      stream.destroy();
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    const stopListening = (): void => signal.removeEventListener('abort', onAbort);
    void work.then(
      (value) => {
        stopListening();
        resolve(value);
      },
      (error: unknown) => {
        stopListening();
        reject(causeOf(error, stream));
        if (sqlStateOf(error) === null) stream.destroy();
      },
    );
  });
}

/** `pg` has no code for a connection that ended; and what ended the stream itself is nearer to the cause. */
function causeOf(error: unknown, stream: SessionStream): unknown {
  if (stream.errored !== null) return stream.errored;
  return stream.destroyed && codeOf(error) === '' ? endOfStream() : error;
}

function rowsOf(result: unknown): readonly Row[] {
  const last: unknown = Array.isArray(result) ? result.at(-1) : result;
  if (typeof last === 'object' && last !== null && 'rows' in last && Array.isArray(last.rows)) return last.rows;
  return [];
}
