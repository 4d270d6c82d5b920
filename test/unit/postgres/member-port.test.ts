import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ProbeKind } from '../../../src/api/evidence.ts';
import { createResolver } from '../../../src/dns/resolver.ts';
import type { MemberPort } from '../../../src/ports/members.ts';
import { createMemberConnector } from '../../../src/postgres/member-connector.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { connectMember, memberTarget, never, type TargetOverrides } from '../../support/member-target.ts';
import {
  authenticationRequest,
  backendMessage,
  closedPort,
  errorResponse,
  readyForQuery,
  type ScriptedServer,
  startScriptedServer,
} from '../../support/scripted-server.ts';

const cleanups: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  vi.unstubAllEnvs();
});

function member(overrides: TargetOverrides): MemberPort {
  const port = connectMember(memberTarget(overrides));
  cleanups.push(() => port.close());
  return port;
}

async function server(onConnection: (socket: Socket) => void): Promise<ScriptedServer> {
  const started = await startScriptedServer(onConnection);
  cleanups.push(() => started.close());
  return started;
}

/** Answers the startup message of each connection. */
const onStartup = (reply: (socket: Socket) => void) => (socket: Socket) => socket.once('data', () => reply(socket));
const says = (reply: Buffer | string) => onStartup((socket) => socket.end(reply));
const look = (port: MemberPort, kind: ProbeKind, timeoutMs = 2_000) => port.probe(kind, { timeoutMs, signal: never });

describe.each(['Startup', 'Fresh'] as const)('a %s look', (kind) => {
  test('at a port where nothing listens is refused', async () => {
    const evidence = await look(member({ port: await closedPort() }), kind);
    expect(evidence.outcome).toEqual({ kind: 'NoAnswer', why: 'Refused', layer: 'tcp' });
    expect(evidence).toMatchObject({ probe: kind, sequence: 1, address: '127.0.0.1', addressFresh: true });
  });

  test('at a listener that says nothing ends at its time and destroys the connection', async () => {
    const silent = await server(() => {});
    const port = member({ port: silent.port });
    const evidence = await look(port, kind, 100);
    expect(evidence.outcome).toEqual({ kind: 'NoAnswer', why: 'Timeout', layer: 'startup' });
    expect(evidence.endedAtMs - evidence.startedAtMs).toBeLessThan(1_000);
    await vi.waitFor(() => expect(silent.sockets.size).toBe(0));
  });

  test.each([
    ['closes at once', (socket: Socket) => void socket.end()],
    ['resets', (socket: Socket) => void socket.resetAndDestroy()],
    ['closes after the startup message', onStartup((socket) => socket.end())],
    ['resets after the startup message', onStartup((socket) => socket.resetAndDestroy())],
  ])('at a listener that %s is a reset', async (_, onConnection) => {
    const { port } = await server(onConnection);
    expect((await look(member({ port }), kind)).outcome).toMatchObject({ kind: 'NoAnswer', why: 'Reset' });
  });

  test.each(['57P03', '57P02', '53300', '28P01', '28000', '3D000', '42501', '08P01'])(
    'at a server that says %s reports it',
    async (sqlState) => {
      const { port } = await server(says(errorResponse(sqlState)));
      expect((await look(member({ port }), kind)).outcome).toEqual({ kind: 'Rejected', sqlState });
    },
  );

  test('at a postmaster that cannot fork reports insufficient resources', async () => {
    const { port } = await server(says('Ecould not fork new process for connection: out of memory\n\0'));
    expect((await look(member({ port }), kind)).outcome).toEqual({ kind: 'Rejected', sqlState: '53000' });
  });

  test.each([
    ['a web server', 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a TLS server', Buffer.from('15030100020246', 'hex')],
  ])('at %s says that it is no PostgreSQL', async (_, banner) => {
    const { port } = await server(says(banner));
    expect((await look(member({ port }), kind)).outcome.kind).toBe('NotPostgres');
  });

  test.each([
    ['refuses', 'N', { kind: 'TlsFailed', why: 'NotOffered' }],
    ['is full', errorResponse('53300'), { kind: 'Rejected', sqlState: '53300' }],
    ['is an SSH server', 'SSH-2.0-OpenSSH_9.2\r\n', { kind: 'NotPostgres' }],
    ['is a web server', 'HTTP/1.1 400 Bad Request\r\n\r\n', { kind: 'NotPostgres' }],
    ['sends more than its yes', 'Sx', { kind: 'NotPostgres' }],
    ['sends nonsense after its yes', 'S', { kind: 'NoAnswer', why: 'Reset', layer: 'tls' }],
  ])('with TLS at a server that %s tells so', async (_, reply, outcome) => {
    const { port } = await server(says(reply));
    expect((await look(member({ port, tls: { mode: 'Require' } }), kind)).outcome).toMatchObject(outcome);
  });

  test('is cut short by its caller and then counts for nothing', async () => {
    const silent = await server(() => {});
    const abort = new AbortController();
    const looking = member({ port: silent.port }).probe(kind, { timeoutMs: 60_000, signal: abort.signal });
    await vi.waitFor(() => expect(silent.accepted()).toBe(1));
    abort.abort();
    expect((await looking).outcome).toMatchObject({ kind: 'NotAsked', why: 'Aborted' });
  });

  test('is cut short by close', async () => {
    const silent = await server(() => {});
    const port = member({ port: silent.port });
    const looking = look(port, kind, 60_000);
    await vi.waitFor(() => expect(silent.accepted()).toBe(1));
    port.close();
    expect((await looking).outcome).toMatchObject({ kind: 'NotAsked', why: 'Aborted' });
  });

  test('without usable credentials asks nobody', async () => {
    const access = {
      kind: 'Unusable',
      why: 'CredentialsMissing',
      detail: 'Secret orders-monitor does not exist',
    } as const;
    const port = connectMember({ ...memberTarget({}), access });
    expect((await look(port, kind)).outcome).toEqual({ ...access, kind: 'NotAsked' });
  });

  test('with a CA that is none fails closed before anything is sent', async () => {
    const { port, accepted } = await server(() => {});
    const { outcome } = await look(member({ port, tls: { mode: 'VerifyFull', ca: 'hunter2' } }), kind);
    expect(outcome).toMatchObject({ kind: 'TlsFailed', why: 'Other' });
    expect(JSON.stringify(outcome)).not.toContain('hunter2');
    expect(accepted()).toBe(0);
  });
});

describe('a bare startup exchange', () => {
  test('at a server that asks for authentication has shown that it accepts, with its time per layer', async () => {
    const { port } = await server(says(authenticationRequest(10, Buffer.from('SCRAM-SHA-256\0\0'))));
    const evidence = await look(member({ port }), 'Startup');
    expect(evidence.outcome).toEqual({ kind: 'Accepting' });
    expect(Object.keys(evidence.timings)).toEqual(['resolve', 'tcp', 'startup']);
  });
});

describe('a fresh look without a password', () => {
  test.each([
    ['clear text', authenticationRequest(3)],
    ['md5', authenticationRequest(5, Buffer.from('salt'))],
    ['SCRAM', authenticationRequest(10, Buffer.from('SCRAM-SHA-256\0\0'))],
  ])('at a server that asks for one by %s is a refused login, and nothing is sent', async (_, request) => {
    const received: Buffer[] = [];
    const { port } = await server((socket) => {
      socket.on('data', (chunk: Buffer) => {
        received.push(chunk);
        socket.write(request);
      });
    });
    const { outcome } = await look(member({ port, password: '' }), 'Fresh');
    expect(outcome).toEqual({ kind: 'Rejected', sqlState: '28P01' });
    expect(received).toHaveLength(1);
  });
});

describe('a fresh look at a hostile server', () => {
  test.each([
    ['an authentication method that does not exist', authenticationRequest(99)],
    ['SCRAM that is none', authenticationRequest(10, Buffer.from('X\0\0'))],
    ['a SCRAM step nobody asked for', authenticationRequest(11, Buffer.from('x'))],
    ['a truncated message', backendMessage('R', '')],
    ['rows before any query', Buffer.concat([authenticationRequest(0), backendMessage('D', '\0\0')])],
    ['an unknown message', Buffer.concat([authenticationRequest(0), backendMessage('~', 'x')])],
  ])('that sends %s ends in evidence, never in an exception', async (_, reply) => {
    const { port } = await server(says(reply));
    const { outcome } = await look(member({ port }), 'Fresh');
    expect(['NotPostgres', 'NoAnswer']).toContain(outcome.kind);
  });

  test('that answers the query with other columns says that it is no PostgreSQL', async () => {
    const { port } = await server(
      onStartup((socket) => {
        socket.write(Buffer.concat([authenticationRequest(0), readyForQuery]));
        socket.once('data', () => socket.write(Buffer.concat([backendMessage('C', 'SELECT 0\0'), readyForQuery])));
      }),
    );
    expect((await look(member({ port }), 'Fresh')).outcome.kind).toBe('NotPostgres');
  });

  test('that floods is cut off long before its time', async () => {
    const flood = Buffer.concat([
      Buffer.from('44', 'hex'),
      Buffer.from([0x3f, 0xff, 0xff, 0xff]),
      Buffer.alloc(2 ** 20),
    ]);
    const { port } = await server(
      onStartup((socket) => {
        socket.write(Buffer.concat([authenticationRequest(0), readyForQuery]));
        socket.once('data', () => {
          const pour = (): void => {
            while (!socket.destroyed && socket.write(flood));
          };
          socket.on('drain', pour);
          pour();
        });
      }),
    );
    const evidence = await look(member({ port }), 'Fresh', 20_000);
    expect(evidence.outcome.kind).toBe('NotPostgres');
    expect(evidence.endedAtMs - evidence.startedAtMs).toBeLessThan(10_000);
  });
});

test('a name that leads only to denied addresses is not asked, and the message names the option', async () => {
  const { port, accepted } = await server(() => {});
  const resolver = createResolver({ clock: systemClock, servers: [], deniedCidrs: ['127.0.0.0/8'] });
  const denied = createMemberConnector({ clock: systemClock, resolver }).connect(memberTarget({ port }));
  const { outcome } = await look(denied, 'Fresh');
  expect(outcome).toEqual({
    kind: 'NotAsked',
    why: 'DeniedAddress',
    detail: '127.0.0.1 leads only to addresses that --denied-cidrs forbids: 127.0.0.1',
  });
  expect(accepted()).toBe(0);
});

test('PG* variables of the environment do not reach the startup message', async () => {
  for (const [name, value] of [
    ['PGHOST', '192.0.2.1'],
    ['PGPORT', '1'],
    ['PGUSER', 'stray'],
    ['PGPASSWORD', 'stray'],
    ['PGDATABASE', 'stray'],
    ['PGOPTIONS', '-c stray=1'],
    ['PGREPLICATION', 'stray'],
    ['PGAPPNAME', 'stray'],
    ['PGSSLMODE', 'require'],
    ['PGSSLNEGOTIATION', 'direct'],
    ['PGCLIENT_ENCODING', 'stray'],
  ] as const)
    vi.stubEnv(name, value);
  const received: Buffer[] = [];
  const listening = await server((socket) => {
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      socket.write(received.length === 1 ? authenticationRequest(3) : errorResponse('28P01'));
    });
  });
  const { outcome } = await look(member({ port: listening.port, user: 'm', password: 'p', database: 'd' }), 'Fresh');
  expect(outcome).toEqual({ kind: 'Rejected', sqlState: '28P01' });
  const application = 'application_name\0database-failover-operator\0client_encoding\0UTF8\0';
  expect(received[0]?.subarray(8).toString()).toBe(`user\0m\0database\0d\0${application}\0`);
  expect(received[1]?.subarray(5).toString()).toBe('p\0');
});

describe('a change of target', () => {
  test('during a look makes it look again at once, with what is meant now', async () => {
    const old = await server(() => {});
    const { port } = await server(says(errorResponse('57P03')));
    const looking = member({ port: old.port });
    const evidence = look(looking, 'Fresh', 60_000);
    await vi.waitFor(() => expect(old.accepted()).toBe(1));
    looking.retarget(memberTarget({ port }));
    expect((await evidence).outcome).toEqual({ kind: 'Rejected', sqlState: '57P03' });
    await vi.waitFor(() => expect(old.sockets.size).toBe(0));
  });

  test('does not call the new one silent for want of time', async () => {
    const [old, next] = [await server(() => {}), await server(() => {})];
    const looking = member({ port: old.port });
    const evidence = look(looking, 'Fresh', 300);
    await vi.waitFor(() => expect(old.accepted()).toBe(1));
    looking.retarget(memberTarget({ port: next.port }));
    expect((await evidence).outcome).toMatchObject({ kind: 'NotAsked', why: 'Aborted' });
    await vi.waitFor(() => expect(next.accepted()).toBe(1));
    expect((await look(looking, 'Fresh', 100)).outcome).toMatchObject({ kind: 'NoAnswer', why: 'Timeout' });
  });
});

test('two hundred looks at dead members leave no connection and no timer behind', async () => {
  const silent = await server(() => {});
  const refusing = member({ port: await closedPort() });
  const hanging = member({ port: silent.port });
  const resources = () =>
    process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'Timeout');
  const before = resources().length;
  for (let round = 0; round < 50; round += 1) {
    for (const kind of ['Startup', 'Fresh'] as const) {
      await Promise.all([look(refusing, kind, 10), look(hanging, kind, 10)]);
    }
  }
  // The last ones may be accepted after their looks have ended.
  await vi.waitFor(() => expect(silent.accepted()).toBe(100));
  await vi.waitFor(() => expect(silent.sockets.size).toBe(0));
  await vi.waitFor(() => expect(resources().length).toBeLessThanOrEqual(before));
});

test('each look has a larger number than the one before', async () => {
  const port = member({ port: await closedPort() });
  const evidence = [await look(port, 'Startup'), await look(port, 'Fresh'), await look(port, 'Standing')];
  expect(evidence.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  expect(evidence.map(({ probe }) => probe)).toEqual(['Startup', 'Fresh', 'Fresh']);
});

test('a listener that hangs up during the test is noticed by its sockets', async () => {
  const { port, sockets } = await server((socket) => socket.resume());
  const looking = look(member({ port }), 'Startup', 5_000);
  await vi.waitFor(() => expect(sockets.size).toBe(1));
  const [socket] = sockets;
  if (socket === undefined) throw new Error('no connection');
  const closed = once(socket, 'close');
  socket.resetAndDestroy();
  await closed;
  expect((await looking).outcome).toMatchObject({ kind: 'NoAnswer', why: 'Reset' });
});
