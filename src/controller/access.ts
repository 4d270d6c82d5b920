/** Reads what a resource's references name - credentials, authorities, client certificate - into what the members need. */
import type { Spec } from '../api/database-failover.ts';
import { readLogin } from '../api/login.ts';
import { RESOURCES } from '../api/resources.ts';
import type { CallOptions, KubeObject, KubePort, Resource } from '../ports/kube.ts';
import type { MonitorAccess, RoleCredentials, TlsMaterial } from '../ports/members.ts';

/** Access per member; a problem is data and names the field, never the value. */
export type GroupAccess = ReadonlyMap<string, MonitorAccess>;

type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Extract<MonitorAccess, { kind: 'Unusable' }> };

const missing = (detail: string): Read<never> => ({
  ok: false,
  problem: { kind: 'Unusable', why: 'CredentialsMissing', detail },
});
const malformed = (detail: string): Read<never> => ({
  ok: false,
  problem: { kind: 'Unusable', why: 'CredentialsMalformed', detail },
});

/** Throws `KubeError` only when the API server cannot be asked: then the last good access is kept by the caller. */
export async function readAccess(
  kube: Pick<KubePort, 'get'>,
  namespace: string,
  spec: Spec,
  options: CallOptions,
): Promise<GroupAccess> {
  const objects = objectReader(kube, namespace, options);
  const credentials = await readCredentials(objects, spec);
  const client = await readClientCertificate(objects, spec.tls.clientCertRef?.name ?? null);
  const access = new Map<string, MonitorAccess>();
  for (const member of spec.members) {
    const ca = await readAuthority(objects, member.tls?.caRef ?? spec.tls.caRef ?? null);
    access.set(member.name, combine(spec, member.tls?.serverName ?? null, credentials, client, ca));
  }
  return access;
}

function combine(
  spec: Spec,
  serverName: string | null,
  credentials: Read<RoleCredentials>,
  client: Read<TlsMaterial['clientCertificate']>,
  ca: Read<string | null>,
): MonitorAccess {
  if (!credentials.ok) return credentials.problem;
  if (!client.ok) return client.problem;
  if (!ca.ok) return ca.problem;
  const tls: TlsMaterial = { mode: spec.tls.mode, serverName, ca: ca.value, clientCertificate: client.value };
  return { kind: 'Usable', credentials: credentials.value, tls };
}

type ObjectReader = (resource: Resource, name: string) => Promise<KubeObject | null>;

/** Each object is read once per round, however many members name it. */
function objectReader(kube: Pick<KubePort, 'get'>, namespace: string, options: CallOptions): ObjectReader {
  const reads = new Map<string, Promise<KubeObject | null>>();
  return (resource, name) => {
    const key = `${resource.plural}/${name}`;
    const pending = reads.get(key) ?? kube.get(resource, { namespace, name }, options);
    reads.set(key, pending);
    return pending;
  };
}

async function readCredentials(read: ObjectReader, { credentials, tls }: Spec): Promise<Read<RoleCredentials>> {
  const { name } = credentials.monitor.secretRef;
  const secret = await read(RESOURCES.secret, name);
  if (secret === null) return missing(`Secret ${name} (credentials.monitor.secretRef) does not exist`);
  const reading = readLogin(name, secret.data, { password: tls.clientCertRef === undefined ? 'Required' : 'Optional' });
  if (!reading.ok) return malformed(reading.detail);
  const { username: user, password } = reading.login;
  return { ok: true, value: { user, password } };
}

async function readClientCertificate(
  read: ObjectReader,
  name: string | null,
): Promise<Read<TlsMaterial['clientCertificate']>> {
  if (name === null) return { ok: true, value: null };
  const secret = await read(RESOURCES.secret, name);
  if (secret === null) return missing(`Secret ${name} (tls.clientCertRef) does not exist`);
  const cert = secretText(secret, 'tls.crt');
  const key = secretText(secret, 'tls.key');
  if (!isPem(cert) || !isPem(key))
    return malformed(`Secret ${name} (tls.clientCertRef) needs PEM in tls.crt and tls.key`);
  return { ok: true, value: { cert, key } };
}

async function readAuthority(
  read: ObjectReader,
  reference: { readonly kind: 'ConfigMap' | 'Secret'; readonly name: string; readonly key: string } | null,
): Promise<Read<string | null>> {
  if (reference === null) return { ok: true, value: null };
  const { kind, name, key } = reference;
  const object = await read(kind === 'Secret' ? RESOURCES.secret : RESOURCES.configMap, name);
  if (object === null) return missing(`${kind} ${name} (tls.caRef) does not exist`);
  const pem = kind === 'Secret' ? secretText(object, key) : plainText(object, key);
  if (!isPem(pem)) return malformed(`${kind} ${name} (tls.caRef) has no PEM certificates under key ${key}`);
  return { ok: true, value: pem };
}

const isPem = (text: string | null): text is string => text?.includes('-----BEGIN ') === true;

function secretText(secret: KubeObject, key: string): string | null {
  const encoded = plainText(secret, key);
  return encoded === null ? null : Buffer.from(encoded, 'base64').toString('utf8');
}

function plainText(object: KubeObject, key: string): string | null {
  const { data } = object;
  if (typeof data !== 'object' || data === null) return null;
  const value: unknown = Reflect.get(data, key);
  return typeof value === 'string' ? value : null;
}
