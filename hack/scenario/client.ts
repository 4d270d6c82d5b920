/** Applications as the operator's users run them: they know a ClusterIP and nothing else, and reconnect when they must. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export interface ClientTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
}

/** One acknowledged write: its number, the server that acknowledged it, and when (monotonic ms). */
export interface Acknowledged {
  readonly id: number;
  readonly server: string;
  readonly atMs: number;
}

export interface Writer {
  readonly acknowledged: readonly Acknowledged[];
  /** Errors met, by SQLSTATE or system code. */
  readonly errors: ReadonlyMap<string, number>;
  /** Resolves with the first write acknowledged after `afterMs`. */
  nextAfter(afterMs: number, deadlineMs: number): Promise<Acknowledged>;
  stop(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 1000;
const QUERY_TIMEOUT_MS = 1000;
const RECONNECT_MS = 5;

/** Table that the writer fills. */
export const WRITES_TABLE =
  'CREATE TABLE writes (id bigint PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())';

const INSERT = 'INSERT INTO writes (id) VALUES ($1) RETURNING inet_server_addr()::text AS server';

/** Inserts a row each `everyMs`; a failed one is given up, as its outcome is unknown, and the next number is tried. */
export function startWriter(target: ClientTarget, everyMs: number): Writer {
  const acknowledged: Acknowledged[] = [];
  const errors = new Map<string, number>();
  const stopping = new AbortController();
  let waiting: { readonly afterMs: number; readonly resolve: (write: Acknowledged) => void }[] = [];

  const note = (write: Acknowledged): void => {
    acknowledged.push(write);
    for (const waiter of waiting) if (write.atMs > waiter.afterMs) waiter.resolve(write);
    waiting = waiting.filter((waiter) => write.atMs <= waiter.afterMs);
  };

  const loop = async (): Promise<void> => {
    let client: pg.Client | null = null;
    for (let id = 1; !stopping.signal.aborted; id += 1) {
      try {
        client ??= await connect(target);
        const result = await client.query<{ server: string }>(INSERT, [id]);
        note({ id, server: (result.rows[0]?.server ?? '').split('/')[0] ?? '', atMs: performance.now() });
        await pause(everyMs);
      } catch (error) {
        const code = codeOf(error);
        errors.set(code, (errors.get(code) ?? 0) + 1);
        destroy(client);
        client = null;
        await pause(RECONNECT_MS);
      }
    }
    destroy(client);
  };
  const pause = (ms: number): Promise<void> => sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});
  const running = loop();

  return {
    acknowledged,
    errors,
    nextAfter: (afterMs, deadlineMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(
          () => reject(new Error(`no write was acknowledged within ${deadlineMs} ms`)),
          deadlineMs,
        );
        waiting.push({
          afterMs,
          resolve: (write) => {
            clearTimeout(timer);
            resolve(write);
          },
        });
      }),
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

export interface Reader {
  /** Reads by the server that answered. */
  readonly served: ReadonlyMap<string, number>;
  readonly errors: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** A new connection for each read, so that each is balanced anew. */
export function startReader(target: ClientTarget, everyMs: number): Reader {
  const served = new Map<string, number>();
  const errors = new Map<string, number>();
  const stopping = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      let client: pg.Client | null = null;
      try {
        client = await connect(target);
        const { rows } = await client.query<{ server: string }>(
          'SELECT inet_server_addr()::text AS server, count(*) FROM writes',
        );
        const server = (rows[0]?.server ?? '').split('/')[0] ?? '';
        served.set(server, (served.get(server) ?? 0) + 1);
      } catch (error) {
        const code = codeOf(error);
        errors.set(code, (errors.get(code) ?? 0) + 1);
      } finally {
        destroy(client);
      }
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  };
  const running = loop();
  return {
    served,
    errors,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}

async function connect(target: ClientTarget): Promise<pg.Client> {
  const client = new pg.Client({
    ...target,
    ssl: false,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
  });
  client.on('error', () => {}); // the query that meets it reports it
  try {
    await client.connect();
    return client;
  } catch (error) {
    destroy(client);
    throw error;
  }
}

/** `end()` waits for the peer, which may never answer. */
function destroy(client: pg.Client | null): void {
  const connection: unknown = client === null ? null : Reflect.get(client, 'connection');
  const stream: unknown =
    typeof connection === 'object' && connection !== null ? Reflect.get(connection, 'stream') : null;
  if (typeof stream === 'object' && stream !== null && 'destroy' in stream && typeof stream.destroy === 'function')
    stream.destroy();
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
