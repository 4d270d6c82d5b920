import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

/** A listener whose every connection is in the test's hands. */
export interface ScriptedServer {
  readonly host: string;
  readonly port: number;
  /** Connections that are open now. */
  readonly sockets: ReadonlySet<Socket>;
  /** Connections accepted so far. */
  accepted(): number;
  close(): Promise<void>;
}

export async function startScriptedServer(
  onConnection: (socket: Socket) => void,
  host = '127.0.0.1',
): Promise<ScriptedServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => {}); // the peer went away: the test looks at what it saw itself
    socket.once('close', () => sockets.delete(socket));
    onConnection(socket);
    // Who does not read does not see the peer's end either.
    socket.resume();
  });
  server.listen(0, host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the scripted server has no port');
  return {
    host,
    port: address.port,
    sockets,
    accepted: () => accepted,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A port on which nothing listens. */
export async function closedPort(): Promise<number> {
  const server = await startScriptedServer(() => {});
  await server.close();
  return server.port;
}

/** One message of PostgreSQL's protocol, as a server sends it. */
export function backendMessage(type: string, body: Buffer | string): Buffer {
  const content = Buffer.isBuffer(body) ? body : Buffer.from(body, 'utf8');
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(content.length + 4, 1);
  return Buffer.concat([head, content]);
}

export function errorResponse(sqlState: string): Buffer {
  return backendMessage('E', `SFATAL\0VFATAL\0C${sqlState}\0Mno\0\0`);
}

/** An authentication request by its number: 0 is "ok", 3 asks for a clear text password. */
export function authenticationRequest(number: number, data: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(4);
  head.writeInt32BE(number);
  return backendMessage('R', Buffer.concat([head, data]));
}

export const readyForQuery = backendMessage('Z', 'I');
