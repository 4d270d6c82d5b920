import pg from 'pg';
import { POSTGRES_PORT } from './addresses.ts';
import { SUPERUSER } from './postgres-files.ts';

export type Row = Readonly<Record<string, unknown>>;

const CONNECT_TIMEOUT_MS = 5_000;

/** Superuser session through the server's socket; the caller ends it with `closeSession`. */
export async function openSession(socketDir: string, database: string, queryTimeoutMs: number): Promise<pg.Client> {
  const client = new pg.Client({
    host: socketDir,
    port: POSTGRES_PORT,
    user: SUPERUSER.user,
    password: SUPERUSER.password,
    database,
    ssl: false,
    application_name: 'world',
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, queryTimeoutMs),
    query_timeout: queryTimeoutMs,
  });
  client.on('error', () => {}); // the next query tells; without a listener the process would die
  await client.connect();
  return client;
}

/** Destroys the socket: `end()` waits for a peer that may be frozen. */
export function closeSession(client: pg.Client): void {
  client.connection.stream.destroy();
}

export async function queryOnce(
  socketDir: string,
  text: string,
  values: readonly unknown[],
  options: { readonly database: string; readonly timeoutMs: number },
): Promise<readonly Row[]> {
  const client = await openSession(socketDir, options.database, options.timeoutMs);
  try {
    const result = await client.query<Record<string, unknown>>(text, [...values]);
    return result.rows;
  } finally {
    closeSession(client);
  }
}
