/** Parser: user name and password out of a Secret, as data. No message says more than which key is wrong. */
import type { KubeObject } from '../ports/kube.ts';
import { observeData } from './observed-objects.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

export type LoginReading =
  | { readonly kind: 'Usable'; readonly login: Login }
  | {
      readonly kind: 'Unusable';
      readonly why: 'CredentialsMissing' | 'CredentialsMalformed';
      readonly detail: string;
    };

/** `secret`: null when it was not found, undefined when it could not be read. */
export function readLogin(name: string, secret: KubeObject | null | undefined): LoginReading {
  if (secret === undefined) return missing(`Secret ${name} could not be read`);
  if (secret === null) return missing(`Secret ${name} was not found`);
  const data = observeData(secret);
  const username = decode(data.username);
  const password = decode(data.password);
  if (username === null) return malformed(name, 'username');
  if (password === null) return malformed(name, 'password');
  return { kind: 'Usable', login: { username, password } };
}

/**
 * Text of a base64 value; null when it is absent, empty, no UTF-8, or holds a control character. No connection string
 * or password file can carry a line break, which usually came from a file with a trailing one.
 */
function decode(value: string | undefined): string | null {
  if (value === undefined || value === '') return null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(value, 'base64'));
    return /\p{Cc}/u.test(text) ? null : text;
  } catch {
    // The decoder's only complaint is invalid UTF-8; the caller names the key.
    return null;
  }
}

function missing(detail: string): LoginReading {
  return { kind: 'Unusable', why: 'CredentialsMissing', detail };
}

function malformed(name: string, key: string): LoginReading {
  const detail = `key ${key} of Secret ${name} is missing, empty, no UTF-8 text, or holds a line break or another control character`;
  return { kind: 'Unusable', why: 'CredentialsMalformed', detail };
}
