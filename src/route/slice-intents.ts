/** The slices that should exist: per Service one for each family, and for reads one for each further port. */
import type { Family } from '../api/evidence.ts';
import { EPOCH_ANNOTATION, PRIMARY_ANNOTATION, SECRETS_ANNOTATION, SLICE_MANAGER } from '../api/resources.ts';
import type { KubeObject } from '../ports/kube.ts';
import { canonicalAddress } from './addresses.ts';
import type { RouteOwner } from './contract.ts';
import { type ObservedSlice, SERVICE_NAME_LABEL } from './observed-objects.ts';
import { ownerMetadata } from './ownership.ts';
import type { UsableService } from './services.ts';

export interface SliceEndpoint {
  readonly member: string;
  readonly address: string;
}

export interface PortedEndpoint extends SliceEndpoint {
  readonly port: number;
}

/** A slice as it should be, before it becomes an object. */
export interface SliceIntent {
  readonly name: string;
  readonly service: string;
  readonly family: string;
  readonly port: { readonly name: string; readonly port: number };
  readonly endpoints: readonly SliceEndpoint[];
}

/** For a slice that leads nowhere and had no port; PostgreSQL's own. */
const IDLE_PORT = 5432;

/** What every slice of one plan carries. */
export interface SliceStamp {
  readonly owner: RouteOwner;
  readonly epoch: number;
  /** Empty while the read-write route leads nowhere. */
  readonly primary: string;
  readonly secrets: readonly string[];
}

/** `orders-rw-ipv4`; a slice for a further port of a read set is `orders-ro-ipv4-5433`. */
export function sliceName(service: string, family: string, furtherPort: number | null): string {
  const base = `${service}-${family.toLowerCase()}`;
  return furtherPort === null ? base : `${base}-${furtherPort}`;
}

/** The read-write slice of one family; empty when that family leads nowhere. */
export function readWriteIntent(
  service: UsableService,
  family: Family,
  endpoint: PortedEndpoint | null,
  current: ObservedSlice | null,
): SliceIntent {
  return {
    name: sliceName(service.name, family, null),
    service: service.name,
    family,
    port: { name: service.port.name, port: endpoint?.port ?? idlePort(service, current) },
    endpoints: endpoint === null ? [] : [endpoint],
  };
}

/** All slices of one family of the read-only Service: the lowest port in the plain one, each other in its own. */
export function readOnlyIntents(
  service: UsableService,
  family: Family,
  endpoints: readonly PortedEndpoint[],
  current: ObservedSlice | null,
): SliceIntent[] {
  const used = [...new Set(endpoints.map(({ port }) => port))].sort((a, b) => a - b);
  const ports = used.length > 0 ? used : [idlePort(service, current)];
  return ports.map((port, index) => ({
    name: sliceName(service.name, family, index === 0 ? null : port),
    service: service.name,
    family,
    port: { name: service.port.name, port },
    endpoints: endpoints.filter((endpoint) => endpoint.port === port),
  }));
}

/** The slice as it is, leading nowhere: needs no Service to tell what its slices should be. */
export function emptyIntentOf({ name, service, family, ports }: ObservedSlice): SliceIntent {
  const [first] = ports;
  return { name, service, family, port: { name: first?.name ?? '', port: first?.port ?? IDLE_PORT }, endpoints: [] };
}

/** The slice as it is without some members; null when none of them is in it, or it is not as we write slices. */
export function intentWithout(
  { name, service, family, ports, endpoints }: ObservedSlice,
  leavers: ReadonlySet<string>,
): SliceIntent | null {
  const [first] = ports;
  if (first === undefined || first.port === null || ports.length > 1) return null;
  const staying: SliceEndpoint[] = [];
  for (const { hostname: member, addresses } of endpoints) {
    const [address] = addresses;
    if (member === null || address === undefined) return null;
    if (!leavers.has(member)) staying.push({ member, address });
  }
  const port = { name: first.name, port: first.port };
  return staying.length === endpoints.length ? null : { name, service, family, port, endpoints: staying };
}

export function sliceObject(intent: SliceIntent, stamp: SliceStamp): KubeObject {
  const owner = ownerMetadata(stamp.owner);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: intent.name,
      namespace: stamp.owner.namespace,
      ...owner,
      labels: {
        ...owner.labels,
        [SERVICE_NAME_LABEL]: intent.service,
        'endpointslice.kubernetes.io/managed-by': SLICE_MANAGER,
      },
      annotations: {
        [EPOCH_ANNOTATION]: String(stamp.epoch),
        [PRIMARY_ANNOTATION]: stamp.primary,
        [SECRETS_ANNOTATION]: stamp.secrets.join(','),
      },
    },
    addressType: intent.family,
    // kube-proxy uses only the first address of an endpoint. The hostname says which member it is.
    endpoints: intent.endpoints.map(({ member, address }) => ({
      addresses: [canonicalAddress(address)],
      conditions: { ready: true },
      hostname: member,
    })),
    ports: [{ name: intent.port.name, port: intent.port.port, protocol: 'TCP' }],
  };
}

/** An empty slice keeps the port it has, so that emptying it changes nothing else. */
function idlePort(service: UsableService, current: ObservedSlice | null): number {
  return current?.ports[0]?.port ?? service.port.port;
}
