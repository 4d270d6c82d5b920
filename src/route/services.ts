/** The two Services: created selector-less where there is none, used unchanged where a person made one. */
import { z } from 'zod';
import type { Family } from '../api/evidence.ts';
import { RESOURCES } from '../api/resources.ts';
import type { KubeObject } from '../ports/kube.ts';
import { isSatisfied } from './comparison.ts';
import type { PartialPlan, RouteInput, RouteProblem } from './contract.ts';
import { type ObservedService, observeService, type ServicePort } from './observed-objects.ts';
import { isOurs, otherOwner, ownerMetadata } from './ownership.ts';
import { applyOver } from './writes.ts';

/** Port name of the Services that we create. */
export const PORT_NAME = 'postgresql';

export interface RouteService {
  readonly service: string;
  readonly port: number;
}

/** What slices and templates need to know of a Service that can be used. */
export interface UsableService {
  readonly name: string;
  readonly port: { readonly name: string; readonly port: number };
  readonly families: readonly Family[];
}

export interface ServicePlan extends PartialPlan {
  /** null: it does not exist yet, or cannot be used; its slices get no new endpoint. */
  readonly usable: UsableService | null;
}

type PlanInput = Pick<RouteInput, 'owner' | 'current'>;

export function planService(input: PlanInput, wanted: RouteService): ServicePlan {
  const current = input.current.services.find((service) => service.metadata.name === wanted.service);
  if (current === undefined)
    return { usable: null, writes: [applyOver(RESOURCES.service, serviceIntent(input, wanted), null)], problems: [] };
  const observed = observeService(current);
  const obstacle = obstacleOf(input, current, observed);
  if (obstacle !== null) return { usable: null, writes: [], problems: [notUsable(wanted.service, obstacle)] };
  return isOurs(current, input.owner)
    ? planOwn(input, wanted, current, observed.families)
    : useUnchanged(wanted, observed);
}

function planOwn(
  input: PlanInput,
  wanted: RouteService,
  current: KubeObject,
  families: readonly Family[],
): ServicePlan {
  const intent = serviceIntent(input, wanted);
  const writes = isSatisfied(intent, withPortsOf(current, wanted))
    ? []
    : [applyOver(RESOURCES.service, intent, current)];
  const port = { name: PORT_NAME, port: wanted.port };
  return { usable: { name: wanted.service, port, families }, writes, problems: [] };
}

function useUnchanged(wanted: RouteService, observed: ObservedService): ServicePlan {
  const port = usablePort(observed.ports, wanted.port);
  if (port === null) {
    const remedy = `it has several ports and none is TCP ${wanted.port}; add that port to it, or name one of its ports in spec.routes`;
    return { usable: null, writes: [], problems: [notUsable(wanted.service, remedy)] };
  }
  return { usable: { name: wanted.service, port, families: observed.families }, writes: [], problems: [] };
}

/** The port that the spec names, else the only one: a person's Service may be reached at another port. */
function usablePort(ports: readonly ServicePort[], wanted: number): ServicePort | null {
  const tcp = ports.filter(({ protocol }) => protocol === 'TCP');
  return tcp.find(({ port }) => port === wanted) ?? (tcp.length === 1 ? (tcp[0] ?? null) : null);
}

function obstacleOf(input: PlanInput, current: KubeObject, observed: ObservedService): string | null {
  const other = otherOwner(current);
  const remedy = isOurs(current, input.owner)
    ? 'delete it, and it is made anew'
    : 'choose another Service in spec.routes, or make this one selector-less with a cluster IP';
  if (other !== null && other !== input.owner.name) {
    return `it belongs to DatabaseFailover ${other}; choose another Service in spec.routes`;
  }
  if (observed.type === 'ExternalName') return `it is an ExternalName; ${remedy}`;
  if (observed.headless) return `it is headless, so that clients would keep the address they resolved; ${remedy}`;
  if (observed.hasSelector) return `it has a selector, so that Kubernetes fills it with pods; ${remedy}`;
  return null;
}

function notUsable(name: string, obstacle: string): RouteProblem {
  return {
    reason: 'ServiceNotUsable',
    object: { kind: 'Service', name },
    message: `Service ${name} cannot be used: ${obstacle}.`,
  };
}

/** A Service carries no epoch: which member it leads to stands in its slices alone. */
function serviceIntent({ owner }: PlanInput, wanted: RouteService): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: wanted.service, namespace: owner.namespace, ...ownerMetadata(owner) },
    spec: {
      type: 'ClusterIP',
      ipFamilyPolicy: 'PreferDualStack',
      ports: [{ name: PORT_NAME, port: wanted.port, protocol: 'TCP', targetPort: wanted.port }],
    },
  };
}

const ports = z.array(z.looseObject({ port: z.number(), protocol: z.string().optional() })).catch([]);
const specFields = z.looseObject({ ports }).catch({ ports: [] });

/** Ports that others added to our Service are theirs: only ours is compared. */
function withPortsOf(current: KubeObject, wanted: RouteService): KubeObject {
  const spec = specFields.parse(current.spec);
  return { ...current, spec: { ...spec, ports: spec.ports.filter(({ port }) => port === wanted.port) } };
}
