/** Parser: user name and password out of a Secret's data. No message says more than which key of which Secret is wrong (I13). */

export interface Login {
  readonly username: string;
  readonly password: string;
}

export type LoginReading =
  | { readonly ok: true; readonly login: Login }
  | { readonly ok: false; readonly detail: string };

/**
 * `data`: as the API server gives it, values in base64. Without `password: 'Optional'`, for a role that shows a client
 * certificate, a login without one is refused; with it the password is empty then.
 */
export function readLogin(
  name: string,
  data: unknown,
  { password: need }: { readonly password: 'Required' | 'Optional' } = { password: 'Required' },
): LoginReading {
  const username = readKey(name, data, 'username');
  if (!username.ok) return username;
  if (need === 'Optional' && isAbsent(data, 'password')) {
    return { ok: true, login: { username: username.text, password: '' } };
  }
  const password = readKey(name, data, 'password');
  if (!password.ok) return password;
  return { ok: true, login: { username: username.text, password: password.text } };
}

function isAbsent(data: unknown, key: keyof Login): boolean {
  const value = rawValue(data, key);
  return value === undefined || value === '';
}

const rawValue = (data: unknown, key: keyof Login): unknown =>
  typeof data === 'object' && data !== null ? Reflect.get(data, key) : undefined;

type KeyReading = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly detail: string };

/** No connection string or password file can carry a line break, which usually came from a file with a trailing one. */
function readKey(name: string, data: unknown, key: keyof Login): KeyReading {
  const value = rawValue(data, key);
  if (typeof value !== 'string') return { ok: false, detail: `Secret ${name} has no key ${key}` };
  if (value === '') return { ok: false, detail: `key ${key} of Secret ${name} is empty` };
  const text = decode(value);
  if (text === null) return { ok: false, detail: `key ${key} of Secret ${name} is no UTF-8 text` };
  if (/\p{Cc}/u.test(text)) {
    const detail = `key ${key} of Secret ${name} holds a line break or another control character`;
    return { ok: false, detail };
  }
  return { ok: true, text };
}

function decode(value: string): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'base64'));
  } catch {
    // The decoder's only complaint is invalid UTF-8; the caller names the key.
    return null;
  }
}
