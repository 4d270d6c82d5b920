/** Secrets for applications: full connection strings, made from the logins that the spec refers to and no others. */
import type { SecretSpec } from '../api/database-failover.ts';
import type { Login } from '../api/login.ts';
import { RESOURCES } from '../api/resources.ts';
import { unreachable } from '../api/unreachable.ts';
import { type Connection, jdbcUri, pgpassLine, uri } from './connection-strings.ts';
import { joinPlans, type PartialPlan, type RouteInput, type RouteProblem } from './contract.ts';
import { loginOf } from './credentials.ts';
import { publishData, renderData } from './published-data.ts';
import { type Logins, type RouteAddresses, secretVariables } from './variables.ts';

type Format = SecretSpec['formats'][number];
type Data = Readonly<Record<string, string>>;

/** A connection and how its keys begin: those of the read-write login plainly, so that adding a reader renames none. */
interface KeyedConnection extends Connection {
  readonly prefix: '' | 'readonly-';
}

type LoginsReading =
  | { readonly kind: 'Read'; readonly logins: Logins }
  | { readonly kind: 'Unreadable'; readonly problems: readonly RouteProblem[] };

export function planSecrets(input: RouteInput, routes: RouteAddresses): PartialPlan {
  return joinPlans(input.spec.routes.secrets.map((secret) => planSecret(input, routes, secret)));
}

function planSecret(input: RouteInput, routes: RouteAddresses, secret: SecretSpec): PartialPlan {
  const reading = readLogins(input, secret);
  if (reading.kind === 'Unreadable') return { writes: [], problems: reading.problems };
  const object = { kind: 'Secret', name: secret.name } as const;
  const database = secret.database ?? input.spec.database;
  const variables = secretVariables(input, routes, database, reading.logins);
  const rendering = renderData(object, secret.data ?? {}, variables);
  if (rendering.kind === 'Faulty') return { writes: [], problems: rendering.problems };
  const formatted = formattedData(secret.formats, connections(routes, database, reading.logins));
  return publishData(input, {
    resource: RESOURCES.secret,
    object,
    current: input.current.secrets,
    annotations: {},
    content: { type: 'Opaque', data: encoded({ ...formatted, ...rendering.data }) },
  });
}

function readLogins({ credentials }: RouteInput, secret: SecretSpec): LoginsReading {
  const { readWriteCredentialsRef, readOnlyCredentialsRef } = secret;
  const problems: RouteProblem[] = [];
  const problem = (reason: RouteProblem['reason'], detail: string) => {
    const object = { kind: 'Secret', name: secret.name };
    problems.push({ reason, object, message: `Secret ${secret.name}: ${detail}. The last good content stays.` });
  };
  const read = (reference: { readonly name: string } | undefined): Login | null => {
    if (reference === undefined) return null;
    const reading = loginOf(reference.name, credentials.get(reference.name));
    if (reading.kind === 'Usable') return reading.login;
    problem(reading.why, reading.detail);
    return null;
  };
  const logins = { readWrite: read(readWriteCredentialsRef), readOnly: read(readOnlyCredentialsRef) };
  return problems.length > 0 ? { kind: 'Unreadable', problems } : { kind: 'Read', logins };
}

function connections(routes: RouteAddresses, database: string, logins: Logins): KeyedConnection[] {
  const { readWrite, readOnly } = logins;
  return [
    ...(readWrite === null ? [] : [{ ...routes.readWrite, ...readWrite, database, prefix: '' as const }]),
    ...(readOnly === null ? [] : [{ ...routes.readOnly, ...readOnly, database, prefix: 'readonly-' as const }]),
  ];
}

function formattedData(formats: readonly Format[], all: readonly KeyedConnection[]): Data {
  return Object.assign({}, ...formats.map((format) => dataOf(format, all)));
}

function dataOf(format: Format, all: readonly KeyedConnection[]): Data {
  switch (format) {
    case 'uri':
      return Object.fromEntries(all.map((connection) => [`${connection.prefix}uri`, uri(connection)]));
    case 'jdbc-uri':
      return Object.fromEntries(all.map((connection) => [`${connection.prefix}jdbc-uri`, jdbcUri(connection)]));
    case 'pgpass':
      // One file for all: libpq takes the line whose host fits.
      return all.length === 0 ? {} : { pgpass: all.map((connection) => `${pgpassLine(connection)}\n`).join('') };
    case 'keys':
      return Object.assign({}, ...all.map(plainKeys));
    default:
      return unreachable(format);
  }
}

function plainKeys({ prefix, host, port, database, username, password }: KeyedConnection): Data {
  const fields = { host, port: String(port), database, username, password };
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [`${prefix}${key}`, value]));
}

function encoded(data: Data): Data {
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
}
