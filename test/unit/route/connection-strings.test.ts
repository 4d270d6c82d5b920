import fc from 'fast-check';
import pg from 'pg';
import { describe, expect, it, test } from 'vitest';
import {
  type Connection,
  hostPort,
  jdbcUri,
  pgpassLine,
  uri,
  uriEncode,
} from '../../../src/route/connection-strings.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((value) => !/\p{Cc}/u.test(value));
const connection = fc.record({
  host: fc.constantFrom('orders-rw.shop.svc.cluster.local', '10.0.0.1'),
  port: fc.integer({ min: 1, max: 65_535 }),
  database: text,
  username: text,
  password: text,
});

const PLAIN: Connection = { host: 'rw.example', port: 5432, database: 'orders', username: 'app', password: 'secret' };
const ODD: Connection = { ...PLAIN, username: 'a b', password: String.raw`p@s:/?#[]%+&='\ü!*` };

/** As libpq reads a password file: fields end at a colon, a backslash takes the next character as it is. */
function readPgpass(line: string): string[] {
  const fields = [''];
  for (let index = 0; index < line.length; index += 1) {
    const character = line[index];
    if (character === ':') fields.push('');
    else fields.push((fields.pop() ?? '') + (character === '\\' ? line[++index] : character));
  }
  return fields;
}

const lastPart = (made: string) => made.slice(made.lastIndexOf('/') + 1);

describe('a connection string', () => {
  test.each([
    ['uri', uri(PLAIN), 'postgresql://app:secret@rw.example:5432/orders'],
    ['jdbc', jdbcUri(PLAIN), 'jdbc:postgresql://rw.example:5432/orders?user=app&password=secret'],
    ['pgpass', pgpassLine(PLAIN), 'rw.example:5432:orders:app:secret'],
    [
      'uri of an odd login',
      uri(ODD),
      'postgresql://a%20b:p%40s%3A%2F%3F%23%5B%5D%25%2B%26%3D%27%5C%C3%BC%21%2A@rw.example:5432/orders',
    ],
    ['pgpass of an odd login', pgpassLine(ODD), String.raw`rw.example:5432:orders:a b:p@s\:/?#[]%+&='\\ü!*`],
    ['IPv6 host', hostPort('fd77::1', 5432), '[fd77::1]:5432'],
  ])('%s', (_, made, expected) => {
    expect(made).toBe(expected);
  });

  it('as a URI is read back by a driver, whatever the login', () => {
    fc.assert(
      fc.property(connection, (given) => {
        const { user, password, host, port } = new pg.Client(uri(given));
        expect({ username: user, password, host, port, database: given.database }).toEqual(given);
        // This driver leaves some reserved characters in a database name encoded; the URI's own reading does not.
        expect(decodeURIComponent(lastPart(uri(given)))).toBe(given.database);
      }),
    );
  });

  it('as a JDBC URL decodes to its parts, a plus sign included', () => {
    fc.assert(
      fc.property(connection, (given) => {
        const url = new URL(jdbcUri(given).slice('jdbc:'.length));
        expect(url.searchParams.get('user')).toBe(given.username);
        expect(url.searchParams.get('password')).toBe(given.password);
        expect(decodeURIComponent(lastPart(jdbcUri(given)).replace(/\?.*/, ''))).toBe(given.database);
      }),
    );
  });

  it('as a line of a password file is read back by libpq’s rules', () => {
    fc.assert(
      fc.property(connection, (given) => {
        const { host, port, database, username, password } = given;
        expect(readPgpass(pgpassLine(given))).toEqual([host, String(port), database, username, password]);
      }),
    );
  });

  it('holds only unreserved characters where a part was encoded', () => {
    const encoded = /^([A-Za-z0-9._~-]|%[0-9A-F]{2})*$/;
    fc.assert(fc.property(text, (value) => encoded.test(uriEncode(value))));
  });
});
