import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseFirstReply, sslRequest, startupMessage } from '../../../src/postgres/startup-messages.ts';
import { authenticationRequest, backendMessage, errorResponse } from '../../support/scripted-server.ts';

describe('what is sent', () => {
  test('an SSLRequest is the eight bytes of the protocol', () => {
    expect(sslRequest().toString('hex')).toBe('0000000804d2162f');
  });

  test('a startup message carries its length, version 3.0 and the parameters', () => {
    const message = startupMessage({ user: 'monitor', database: 'orders' });
    expect(message.readInt32BE(0)).toBe(message.length);
    expect(message.readInt32BE(4)).toBe(0x00030000);
    expect(message.subarray(8).toString()).toBe('user\0monitor\0database\0orders\0\0');
  });
});

describe('the first reply', () => {
  test.each([
    ['an authentication request', authenticationRequest(10), { kind: 'Authentication' }],
    ['a trusting server', authenticationRequest(0), { kind: 'Authentication' }],
    ['a server that starts', errorResponse('57P03'), { kind: 'Error', sqlState: '57P03' }],
    ['a full server', errorResponse('53300'), { kind: 'Error', sqlState: '53300' }],
    [
      'a notice before the request',
      Buffer.concat([backendMessage('N', 'SNOTICE\0C00000\0\0'), authenticationRequest(0)]),
      { kind: 'Authentication' },
    ],
    [
      'version negotiation before an error',
      Buffer.concat([backendMessage('v', Buffer.alloc(8)), errorResponse('28000')]),
      { kind: 'Error', sqlState: '28000' },
    ],
    [
      'a postmaster that cannot fork',
      Buffer.from('Ecould not fork new process for connection: Cannot allocate memory\n\0'),
      { kind: 'Error', sqlState: '53000' },
    ],
    ['nothing yet', Buffer.alloc(0), { kind: 'Incomplete' }],
    ['half an error', errorResponse('57P03').subarray(0, 9), { kind: 'Incomplete' }],
  ])('of %s is understood', (_, bytes, expected) => {
    expect(parseFirstReply(bytes)).toEqual(expected);
  });

  test.each([
    ['a web server', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['an SSH server', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a MySQL server', Buffer.from('4a0000000a382e30', 'hex')],
    ['a length below the minimum', Buffer.from('520000000300000000', 'hex')],
    ['an error of two gigabytes', Buffer.from('457fffffff', 'hex')],
    ['an error without SQLSTATE', backendMessage('E', 'SFATAL\0Mno\0\0')],
    ['an error whose SQLSTATE is none', backendMessage('E', 'SFATAL\0Cno\0\0')],
  ])('of %s is not PostgreSQL', (_, bytes) => {
    expect(parseFirstReply(bytes).kind).toBe('NotPostgres');
  });

  test('may come in pieces of any size', () => {
    const whole = Buffer.concat([backendMessage('N', 'SNOTICE\0C00000\0\0'), errorResponse('57P03')]);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
        expect(parseFirstReply(whole.subarray(0, length)).kind).toBe('Incomplete');
      }),
    );
  });

  test('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.constantFrom('R', 'E', 'N', 'v', ''), (bytes, type) => {
        const received = Buffer.concat([Buffer.from(type), Buffer.from(bytes)]);
        expect(['Incomplete', 'Authentication', 'Error', 'NotPostgres']).toContain(parseFirstReply(received).kind);
      }),
    );
  });
});
