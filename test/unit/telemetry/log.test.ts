import { describe, expect, test } from 'vitest';
import { createLog, type LogLevel } from '../../../src/telemetry/log.ts';

const SECRET = 'hunter2-Zx9';

function logged(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const log = createLog(level, { write: (line) => void lines.push(line) });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') };
}

test('a line is one JSON object with time, level, message and the fields', () => {
  const { log, lines, last } = logged();
  log.warn({ namespace: 'shop', name: 'orders', rule: 360, lsn: 5000n }, 'primary down');
  expect(lines).toHaveLength(1);
  expect(lines[0]?.endsWith('\n')).toBe(true);
  expect(last()).toMatchObject({ level: 'warn', message: 'primary down', namespace: 'shop', rule: 360, lsn: '5000' });
  expect(Date.parse(last().time)).not.toBeNaN();
});

test('lines below the level are not written', () => {
  const { log, lines } = logged('warn');
  log.debug({}, 'd');
  log.info({}, 'i');
  log.warn({}, 'w');
  log.error({}, 'e');
  expect(lines.map((line) => JSON.parse(line).level)).toEqual(['warn', 'error']);
});

describe('no secret is written', () => {
  const circular: Record<string, unknown> = { password: SECRET };
  circular.self = circular;
  const driverError = Object.assign(new Error(`connect to postgres://app:${SECRET}@db/orders failed`), {
    code: '28P01',
    detail: SECRET,
    client: { password: SECRET },
  });

  test.each<[string, Record<string, unknown>]>([
    ['under the name of a password', { password: SECRET, PGPASSWORD: SECRET, newPassword: SECRET }],
    ['deep in an object', { spec: { members: [{ credentials: { passwd: SECRET } }] } }],
    ['in a map', { access: new Map([['password', SECRET]]) }],
    ['in headers', { headers: { authorization: `Bearer ${SECRET}`, Cookie: SECRET } }],
    [
      'under a name of a connection string',
      { uri: SECRET, DATABASE_URL: SECRET, primary_conninfo: SECRET, dsn: SECRET },
    ],
    ['in the data of a Secret', { object: { kind: 'Secret', data: { username: SECRET }, stringData: { a: SECRET } } }],
    ['in the userinfo of an address', { why: `postgres://app:${SECRET}@db.example:5432/orders is wrong` }],
    ['in a password with @ and /', { why: `postgres://app:${SECRET}@x/${SECRET}@db.example/orders` }],
    ['in the userinfo without a user', { why: `redis://:${SECRET}@cache` }],
    ['in a conninfo text', { why: `host=db user=app password=${SECRET} sslmode=require` }],
    ['in a quoted conninfo text', { why: `password = 'a b ${SECRET}' host=db` }],
    ['in a query parameter', { why: `jdbc:postgresql://db/orders?user=a&password=${SECRET}&ssl=true` }],
    ['in a bearer token', { why: `refused: Authorization: Bearer ${SECRET}` }],
    ['in a private key', { why: `-----BEGIN RSA PRIVATE KEY-----\n${SECRET}\n-----END RSA PRIVATE KEY-----` }],
    ['in the message, stack or further fields of an error', { err: driverError }],
    ['in the cause of an error', { err: new Error('outer', { cause: driverError }) }],
    ['in one of several errors', { err: new AggregateError([driverError], 'all failed') }],
    ['in an object that contains itself', circular],
  ])('%s', (_, fields) => {
    const { log, lines } = logged();
    log.error(fields, 'it happened');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('[redacted]');
    expect(lines[0]).not.toContain(SECRET);
  });

  test('in the message', () => {
    const { log, last } = logged();
    log.info({}, `connected to postgres://app:${SECRET}@db/orders`);
    expect(last().message).toBe('connected to postgres://app:[redacted]@db/orders');
  });
});

test('what is no secret stays readable', () => {
  const { log, last } = logged();
  const fields = {
    secretName: 'orders-monitor',
    secretRef: { name: 'orders-monitor' },
    host: 'db.example:5432',
    url2: 'https://db.example:8443/hook',
    at: new Date(0),
    members: new Set(['a', 'b']),
    missing: null,
  };
  log.info(fields, 'looked');
  expect(last()).toMatchObject({ ...fields, at: '1970-01-01T00:00:00.000Z', members: ['a', 'b'] });
});

test('an error keeps its type, code, message, stack and cause', () => {
  const { log, last } = logged();
  const error = Object.assign(new TypeError('bad', { cause: new Error('root') }), { code: 'X' });
  log.error({ err: error }, 'broke');
  expect(last().err).toMatchObject({ type: 'TypeError', code: 'X', message: 'bad', cause: { message: 'root' } });
  expect(last().err.stack).toContain('log.test.ts');
});
