import type { Socket } from 'node:net';
import type { LayerTimer } from './layer-timer.ts';
import { ProbeFailure } from './probe-failure.ts';
import { parseFirstReply, startupMessage } from './startup-messages.ts';
import { readOnce } from './wire.ts';

/** As PostgreSQL shows sessions in `pg_stat_activity`. */
export const APPLICATION_NAME = 'database-failover-operator';

/**
 * Sends the startup message and reads the first reply: an authentication request proves that the postmaster accepts
 * and forks. Nothing is logged in to, so it costs the server a fork and needs no rights. Always destroys the socket.
 */
export async function exchangeStartup(
  socket: Socket,
  identity: { readonly user: string; readonly database: string },
  layers: LayerTimer,
  signal: AbortSignal,
): Promise<{ readonly kind: 'Accepting' }> {
  layers.enter('startup');
  try {
    const { user, database } = identity;
    socket.write(startupMessage({ user, database, application_name: APPLICATION_NAME }));
    return await readReply(socket, signal);
  } finally {
    socket.destroy();
  }
}

async function readReply(socket: Socket, signal: AbortSignal): Promise<{ readonly kind: 'Accepting' }> {
  let received = Buffer.alloc(0);
  for (;;) {
    received = Buffer.concat([received, await readOnce(socket, signal)]);
    const reply = parseFirstReply(received);
    if (reply.kind === 'Authentication') return { kind: 'Accepting' };
    if (reply.kind === 'Error') throw new ProbeFailure({ kind: 'Rejected', sqlState: reply.sqlState });
    if (reply.kind === 'NotPostgres') throw new ProbeFailure({ kind: 'NotPostgres', detail: reply.detail });
  }
}
