/** The few messages of PostgreSQL's protocol 3.0 that come before authentication. */

export type FirstReply =
  | { readonly kind: 'Incomplete' }
  | { readonly kind: 'Authentication' }
  | { readonly kind: 'Error'; readonly sqlState: string }
  | { readonly kind: 'NotPostgres'; readonly detail: string };

const PROTOCOL_3_0 = 196_608;
const SSL_REQUEST_CODE = 80_877_103;
/** An error before authentication is a few hundred bytes; anything much longer is no PostgreSQL. */
const MAX_MESSAGE_BYTES = 30_000;
const HEADER_BYTES = 5;
const SQL_STATE = /^[0-9A-Z]{5}$/;
/** A postmaster that cannot fork says so in the protocol's version 2, without length and code. */
const FORK_FAILURE = 'Ecould not fork';
/** insufficient_resources: what a fork failure is. */
const INSUFFICIENT_RESOURCES = '53000';

export function sslRequest(): Buffer {
  const message = Buffer.alloc(8);
  message.writeInt32BE(8, 0);
  message.writeInt32BE(SSL_REQUEST_CODE, 4);
  return message;
}

export function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${pairs.join('')}\0`, 'utf8');
  const head = Buffer.alloc(8);
  head.writeInt32BE(head.length + body.length, 0);
  head.writeInt32BE(PROTOCOL_3_0, 4);
  return Buffer.concat([head, body]);
}

/** Reads what a server says first to a startup message; notices and version negotiation are skipped. Total. */
export function parseFirstReply(received: Buffer): FirstReply {
  let offset = 0;
  for (;;) {
    const rest = received.subarray(offset);
    if (rest.length === 0) return { kind: 'Incomplete' };
    const type = String.fromCharCode(rest[0] ?? 0);
    if (!'RENv'.includes(type)) return notPostgres(rest[0] ?? 0);
    if (isForkFailure(rest)) return { kind: 'Error', sqlState: INSUFFICIENT_RESOURCES };
    if (rest.length < HEADER_BYTES) return { kind: 'Incomplete' };
    const length = rest.readInt32BE(1);
    if (length < 4 || length > MAX_MESSAGE_BYTES) return notPostgres(rest[0] ?? 0);
    if (type === 'R') return { kind: 'Authentication' };
    if (rest.length < length + 1) return { kind: 'Incomplete' };
    if (type === 'E') return errorReply(rest.subarray(HEADER_BYTES, length + 1));
    offset += length + 1;
  }
}

function errorReply(fields: Buffer): FirstReply {
  const code = fields
    .toString('utf8')
    .split('\0')
    .find((field) => field.startsWith('C'));
  const sqlState = code?.slice(1) ?? '';
  if (SQL_STATE.test(sqlState)) return { kind: 'Error', sqlState };
  return { kind: 'NotPostgres', detail: 'an error without SQLSTATE' };
}

function isForkFailure(rest: Buffer): boolean {
  return rest.subarray(0, FORK_FAILURE.length).toString('latin1') === FORK_FAILURE;
}

function notPostgres(firstByte: number): FirstReply {
  return {
    kind: 'NotPostgres',
    detail: `the reply begins with byte 0x${firstByte.toString(16).padStart(2, '0')}, which is not PostgreSQL's protocol`,
  };
}
