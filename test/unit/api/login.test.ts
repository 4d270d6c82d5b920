import { expect, test } from 'vitest';
import { readLogin } from '../../../src/api/login.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const sound = { username: base64('monitor'), password: base64('pä55 word') };

test('a login is read as it was written', () => {
  expect(readLogin('orders', sound)).toEqual({ ok: true, login: { username: 'monitor', password: 'pä55 word' } });
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
