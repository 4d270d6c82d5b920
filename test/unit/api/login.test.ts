import { expect, test } from 'vitest';
import { readLogin } from '../../../src/api/login.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const sound = { username: base64('monitor'), password: base64('pä55 word') };

test('a login is read as it was written', () => {
  expect(readLogin('orders', sound)).toEqual({ ok: true, login: { username: 'monitor', password: 'pä55 word' } });
});

test.each<[string, unknown]>([
  ['no key password', { username: sound.username }],
  ['an empty password', { ...sound, password: '' }],
])('where a client certificate may stand for it, a Secret with %s is a login without one', (_, data) => {
  const login = { username: 'monitor', password: '' };
  expect(readLogin('orders', data, { password: 'Optional' })).toEqual({ ok: true, login });
});

test('a password beside a client certificate is read, and is refused as ever when it is no text', () => {
  const optional = { password: 'Optional' } as const;
  expect(readLogin('orders', sound, optional)).toEqual(readLogin('orders', sound));
  expect(readLogin('orders', { ...sound, password: base64('hush\n') }, optional)).toMatchObject({ ok: false });
  expect(readLogin('orders', { password: sound.password }, optional)).toMatchObject({ ok: false });
});

test.each<[string, unknown, string]>([
  ['no data', undefined, 'Secret orders has no key username'],
  ['no password', { username: sound.username }, 'Secret orders has no key password'],
  ['an empty password', { ...sound, password: '' }, 'key password of Secret orders is empty'],
  ['a name in another encoding', { ...sound, username: '/////w==' }, 'key username of Secret orders is no UTF-8 text'],
  [
    'the line break of a file',
    { ...sound, password: base64('hush\n') },
    'key password of Secret orders holds a line break or another control character',
  ],
])('%s is told by Secret and key, never by content', (_, data, detail) => {
  expect(readLogin('orders', data)).toEqual({ ok: false, detail });
});
