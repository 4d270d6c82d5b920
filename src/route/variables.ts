/** What templates may say: the values behind every documented variable (docs/templates.md). */

import type { Login } from '../api/login.ts';
import { hostPort, uriEncode } from './connection-strings.ts';
import type { RouteInput } from './contract.ts';
import type { TemplateVariables } from './templates.ts';

/** Where applications reach one of the two Services. */
export interface RouteAddress {
  readonly service: string;
  readonly host: string;
  readonly port: number;
}

/** Both Services as connection strings name them; reads go to the read-write Service where they have none. */
export interface RouteAddresses {
  readonly readWrite: RouteAddress;
  readonly readOnly: RouteAddress;
}

export interface Logins {
  readonly readWrite: Login | null;
  readonly readOnly: Login | null;
}

type VariableInput = Pick<RouteInput, 'owner' | 'spec' | 'members' | 'target' | 'clusterDomain'>;

/** Ports are those of the Services as they are (a person's own may have another), so they are given by name. */
export function routeAddresses(input: VariableInput, ports: ReadonlyMap<string, number>): RouteAddresses {
  const { owner, spec, clusterDomain } = input;
  const at = ({ service, port }: { readonly service: string; readonly port: number }): RouteAddress => ({
    service,
    host: `${service}.${owner.namespace}.svc.${clusterDomain}`,
    port: ports.get(service) ?? port,
  });
  const readWrite = at(spec.routes.readWrite);
  return { readWrite, readOnly: spec.routes.readOnly === undefined ? readWrite : at(spec.routes.readOnly) };
}

const LOGIN_FIELDS = ['username', 'password', 'uriEncoded.username', 'uriEncoded.password'];

/** For ConfigMaps: no login in any form (I13). */
export function publicVariables(input: VariableInput, routes: RouteAddresses): TemplateVariables {
  const why = 'ConfigMaps hold no logins; use spec.routes.secrets';
  return {
    ...commonVariables(input, routes, input.spec.database),
    absent: { ...absentLogin('readWrite', why), ...absentLogin('readOnly', why) },
  };
}

/** For Secrets: the logins of their references, and no other. */
export function secretVariables(
  input: VariableInput,
  routes: RouteAddresses,
  database: string,
  logins: Logins,
): TemplateVariables {
  const common = commonVariables(input, routes, database);
  return {
    ...common,
    values: {
      ...common.values,
      ...loginValues('readWrite', logins.readWrite),
      ...loginValues('readOnly', logins.readOnly),
    },
    absent: {
      ...(logins.readWrite === null ? absentLogin('readWrite', 'this Secret has no readWriteCredentialsRef') : {}),
      ...(logins.readOnly === null ? absentLogin('readOnly', 'this Secret has no readOnlyCredentialsRef') : {}),
    },
  };
}

function commonVariables(input: VariableInput, routes: RouteAddresses, database: string): TemplateVariables {
  const { owner, members, target } = input;
  const readers = members.filter(({ name }) => target.readers.includes(name));
  return {
    values: {
      name: owner.name,
      namespace: owner.namespace,
      database,
      'uriEncoded.database': uriEncode(database),
      epoch: target.epoch,
      primary: target.primary ?? '',
      'readWrite.service': routes.readWrite.service,
      'readWrite.host': routes.readWrite.host,
      'readWrite.port': routes.readWrite.port,
      'readOnly.service': routes.readOnly.service,
      'readOnly.host': routes.readOnly.host,
      'readOnly.port': routes.readOnly.port,
      // All members, so that it does not change in a failover: the client itself prefers a standby.
      'readOnly.hosts': members.map(({ route }) => hostPort(route.host, route.port)).join(','),
    },
    lists: { readers: readers.map(({ name, route }) => ({ name, host: route.host, port: route.port })) },
    itemFields: { readers: ['name', 'host', 'port'] },
    absent: {},
  };
}

function loginValues(route: string, login: Login | null): Readonly<Record<string, string>> {
  if (login === null) return {};
  return {
    [`${route}.username`]: login.username,
    [`${route}.password`]: login.password,
    [`${route}.uriEncoded.username`]: uriEncode(login.username),
    [`${route}.uriEncoded.password`]: uriEncode(login.password),
  };
}

function absentLogin(route: string, why: string): Readonly<Record<string, string>> {
  return Object.fromEntries(LOGIN_FIELDS.map((field) => [`${route}.${field}`, why]));
}
