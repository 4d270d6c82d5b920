/** Connection strings in the forms that drivers read. Every part is escaped for its form. */
import { isIPv6 } from 'node:net';

export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password: string;
}

/** RFC 3986: everything but the unreserved characters is percent-encoded, a space as %20. */
export function uriEncode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** libpq's URI, which most drivers read. */
export function uri({ host, port, database, username, password }: Connection): string {
  const login = `${uriEncode(username)}:${uriEncode(password)}`;
  return `postgresql://${login}@${hostPort(host, port)}/${uriEncode(database)}`;
}

/** pgjdbc's URL: it takes the login as parameters only. */
export function jdbcUri({ host, port, database, username, password }: Connection): string {
  const parameters = `user=${uriEncode(username)}&password=${uriEncode(password)}`;
  return `jdbc:postgresql://${hostPort(host, port)}/${uriEncode(database)}?${parameters}`;
}

/** One line of a password file, without a line break: `:` and `\` are escaped with `\`. */
export function pgpassLine({ host, port, database, username, password }: Connection): string {
  const escaped = (text: string) => text.replace(/[\\:]/g, '\\$&');
  return [host, String(port), database, username, password].map(escaped).join(':');
}

/** `host:port` as URIs hold it: an IPv6 address stands in brackets. */
export function hostPort(host: string, port: number): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
