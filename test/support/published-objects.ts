/** A store of published objects that keeps the API server's promises which routes rely on, and builders around it. */
import { type Spec, type SpecInput, specSchema } from '../../src/api/database-failover.ts';
import { EPOCH_ANNOTATION, FIELD_MANAGER, MANAGED_BY, MANAGED_BY_LABEL, OWNER_LABEL } from '../../src/api/resources.ts';
import { groupSettings } from '../../src/api/settings.ts';
import type { KubeObject } from '../../src/ports/kube.ts';
import type { ResolvedAddress } from '../../src/ports/resolver.ts';
import type { CurrentObjects, RouteInput, RoutePlan, RouteWrite } from '../../src/route/contract.ts';

export const OWNER = { name: 'orders', namespace: 'shop' };
export const NOTHING: CurrentObjects = { services: [], slices: [], configMaps: [], secrets: [] };

export const ADDRESSES: ReadonlyMap<string, readonly ResolvedAddress[]> = new Map([
  ['m1', dual(11)],
  ['m2', dual(12)],
  ['m3', dual(13)],
]);

export function dual(last: number): ResolvedAddress[] {
  return [
    { family: 'IPv4', address: `10.77.0.${last}` },
    { family: 'IPv6', address: `fd77::${last}` },
  ];
}

type Routes = NonNullable<SpecInput['routes']>;

/** Three members and both Services, or what `routes` says of them. */
export function aSpec(routes: Partial<Routes> = {}, ports: readonly number[] = []): Spec {
  return specSchema.parse({
    mode: 'Follow',
    database: 'orders',
    members: ['m1', 'm2', 'm3'].map((name, index) => ({
      name,
      host: `${name}.example.com`,
      ...(ports[index] === undefined ? {} : { port: ports[index] }),
    })),
    credentials: { monitor: { secretRef: { name: 'orders-monitor' } } },
    routes: { readWrite: { service: 'orders-rw' }, readOnly: { service: 'orders-ro' }, ...routes },
  });
}

export interface InputChanges extends Partial<Omit<RouteInput, 'target' | 'spec' | 'members'>> {
  readonly routes?: Partial<Routes>;
  readonly ports?: readonly number[];
  readonly target?: Partial<RouteInput['target']>;
}

/** Nothing published yet; `m1` is the primary at epoch 1. */
export function routeInput({ routes, ports, target, ...changes }: InputChanges = {}): RouteInput {
  const spec = aSpec(routes, ports);
  return {
    owner: OWNER,
    spec,
    members: groupSettings(spec, null).members,
    addresses: ADDRESSES,
    target: { epoch: 1, primary: 'm1', readers: ['m2', 'm3'], ...target },
    clusterDomain: 'cluster.local',
    current: NOTHING,
    credentials: new Map(),
    ...changes,
  };
}

let version = 0;

/** The object as stored: with uid and a new resourceVersion. */
export function stored(object: KubeObject): KubeObject {
  version += 1;
  const { name = '' } = object.metadata;
  const metadata = { uid: `uid-${object.kind}-${name}`, ...object.metadata, resourceVersion: String(version) };
  return { ...object, metadata };
}

/** What the API server adds to a Service: cluster IPs in its families. */
export function allocated(object: KubeObject, families: readonly string[] = ['IPv4', 'IPv6']): KubeObject {
  const clusterIPs = families.map((family) => (family === 'IPv4' ? '10.96.0.9' : 'fd96::9'));
  const spec = typeof object.spec === 'object' ? object.spec : {};
  return { ...object, spec: { clusterIP: clusterIPs[0], clusterIPs, ipFamilies: families, ...spec } };
}

export function labelsOf(owner: string | null): Record<string, string> {
  return owner === null ? {} : { [OWNER_LABEL]: owner, [MANAGED_BY_LABEL]: MANAGED_BY };
}

export function service(name: string, spec: Record<string, unknown>, owner: string | null = null): KubeObject {
  const metadata = { name, namespace: OWNER.namespace, labels: labelsOf(owner) };
  return stored(allocated({ apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'ClusterIP', ...spec } }));
}

export interface SliceFacts {
  readonly name: string;
  readonly service: string;
  readonly owner?: string | null;
  readonly family?: string;
  readonly port?: number;
  readonly epoch?: number;
  readonly manager?: string;
  readonly endpoints?: readonly { readonly address: string; readonly hostname?: string }[];
}

export function slice(facts: SliceFacts): KubeObject {
  const { name, owner = null, family = 'IPv4', port = 5432, epoch, manager, endpoints = [] } = facts;
  return stored({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: OWNER.namespace,
      labels: {
        ...labelsOf(owner),
        'kubernetes.io/service-name': facts.service,
        ...(manager === undefined ? {} : { 'endpointslice.kubernetes.io/managed-by': manager }),
      },
      ...(epoch === undefined ? {} : { annotations: { [EPOCH_ANNOTATION]: String(epoch) } }),
    },
    addressType: family,
    endpoints: endpoints.map(({ address, hostname }) => ({ addresses: [address], ...(hostname ? { hostname } : {}) })),
    ports: [{ name: 'postgresql', port, protocol: 'TCP' }],
  });
}

export function dataObject(
  kind: 'ConfigMap' | 'Secret',
  name: string,
  data: Record<string, string>,
  owner: string | null = null,
): KubeObject {
  const metadata = { name, namespace: OWNER.namespace, labels: labelsOf(owner) };
  return stored({ apiVersion: 'v1', kind, metadata, data });
}

export function login(name: string, username: string, password: string): KubeObject {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return dataObject('Secret', name, { username: base64(username), password: base64(password) });
}

const LISTS: Readonly<Record<string, keyof CurrentObjects>> = {
  Service: 'services',
  EndpointSlice: 'slices',
  ConfigMap: 'configMaps',
  Secret: 'secrets',
};

/** One write against the store; throws where the API server would answer with a conflict. */
export function execute(current: CurrentObjects, write: RouteWrite): CurrentObjects {
  const list = LISTS[write.resource.kind] ?? 'secrets';
  const name = write.kind === 'Apply' ? write.object.metadata.name : write.key.name;
  const found = current[list].find(({ metadata }) => metadata.name === name);
  const { uid, resourceVersion } = write.kind === 'Apply' ? write.object.metadata : write;
  if (found === undefined ? uid !== undefined : uid !== found.metadata.uid)
    throw new Error(`conflict on uid of ${name}`);
  if (found !== undefined && resourceVersion !== found.metadata.resourceVersion)
    throw new Error(`stale write of ${name}`);
  const others = current[list].filter((object) => object !== found);
  if (write.kind === 'Delete') return { ...current, [list]: others };
  const managedFields = [{ manager: FIELD_MANAGER, operation: 'Apply' }];
  const object = { ...write.object, metadata: { ...write.object.metadata, managedFields } };
  return { ...current, [list]: [...others, stored(list === 'services' ? allocated(object) : object)] };
}

/** Every state from the first to the last, one per write, planning again until there is nothing to write. */
export function settle(input: RouteInput, plan: (input: RouteInput) => RoutePlan): CurrentObjects[] {
  const states = [input.current];
  for (let round = 0; round < 5; round += 1) {
    const { writes } = plan({ ...input, current: states.at(-1) ?? input.current });
    if (writes.length === 0) return states;
    for (const write of writes) states.push(execute(states.at(-1) ?? input.current, write));
  }
  throw new Error('the plans do not settle');
}

/** What is published once everything settled. */
export function settled(input: RouteInput, plan: (input: RouteInput) => RoutePlan): CurrentObjects {
  return settle(input, plan).at(-1) ?? input.current;
}
