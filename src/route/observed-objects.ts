/**
 * Parser: objects as the API server returned them, reduced to what routes are judged by. Fields of a shape that the
 * API server would not have stored read as the most suspicious value, so that nothing odd looks harmless.
 */
import { z } from 'zod';
import type { Family } from '../api/evidence.ts';
import type { KubeObject } from '../ports/kube.ts';

export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';

export interface ServicePort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
}

export interface ObservedService {
  readonly type: string;
  readonly headless: boolean;
  readonly hasSelector: boolean;
  readonly families: readonly Family[];
  readonly ports: readonly ServicePort[];
}

export interface ObservedEndpoint {
  readonly addresses: readonly string[];
  readonly hostname: string | null;
}

export interface ObservedSlice {
  readonly name: string;
  readonly service: string;
  readonly family: string;
  readonly endpoints: readonly ObservedEndpoint[];
  /** null stands for "every port". */
  readonly ports: readonly { readonly name: string; readonly port: number | null }[];
}

const family = z.enum(['IPv4', 'IPv6']);

const serviceShape = z.object({
  type: z.string().catch('ClusterIP'),
  clusterIP: z.string().catch(''),
  clusterIPs: z.array(z.string()).catch([]),
  externalName: z.string().catch(''),
  selector: z.record(z.string(), z.unknown()).nullish().catch({ unreadable: true }),
  ipFamilies: z.array(family).catch([]),
  ports: z
    .array(z.object({ name: z.string().catch(''), port: z.number(), protocol: z.string().catch('TCP') }))
    .catch([]),
});

const UNREADABLE = { addresses: ['unreadable'], hostname: null };

const sliceShape = z.object({
  addressType: z.string().catch(''),
  endpoints: z
    .array(z.object({ addresses: z.array(z.string()), hostname: z.string().nullish() }).catch(UNREADABLE))
    .nullish()
    .catch([UNREADABLE]),
  ports: z
    .array(z.object({ name: z.string().nullish(), port: z.number().nullish().catch(null) }))
    .nullish()
    .catch(null),
});

const dataShape = z.record(z.string(), z.string()).nullish().catch(null);

export function observeService(object: KubeObject): ObservedService {
  const spec = serviceShape.parse(object.spec ?? {});
  const ips = [...spec.clusterIPs, spec.clusterIP].filter((ip) => ip !== '' && ip !== 'None');
  return {
    type: spec.type,
    headless: spec.clusterIP === 'None' || spec.clusterIPs.includes('None'),
    hasSelector: Object.keys(spec.selector ?? {}).length > 0,
    families: spec.ipFamilies.length > 0 ? spec.ipFamilies : [...new Set(ips.map(familyOf))],
    ports: spec.ports,
  };
}

export function observeSlice(object: KubeObject): ObservedSlice {
  const slice = sliceShape.parse(object);
  const ports = (slice.ports ?? []).map((port) => ({ name: port.name ?? '', port: port.port ?? null }));
  return {
    name: object.metadata.name ?? '',
    service: object.metadata.labels?.[SERVICE_NAME_LABEL] ?? '',
    family: slice.addressType,
    endpoints: (slice.endpoints ?? []).map((endpoint) => ({
      addresses: endpoint.addresses,
      hostname: endpoint.hostname ?? null,
    })),
    ports: ports.length > 0 ? ports : [{ name: '', port: null }],
  };
}

/** `data` of a ConfigMap or Secret; values of Secrets are base64. */
export function observeData(object: KubeObject): Readonly<Record<string, string>> {
  return dataShape.parse(object.data) ?? {};
}

function familyOf(ip: string): Family {
  return ip.includes(':') ? 'IPv6' : 'IPv4';
}
