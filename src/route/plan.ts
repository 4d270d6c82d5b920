/** What should be published, as writes: the room's front door. */
import type { Spec } from '../api/database-failover.ts';
import type { KubeObject } from '../ports/kube.ts';
import { planConfigMaps } from './config-maps.ts';
import { joinPlans, type RouteInput, type RouteOwner, type RoutePlan } from './contract.ts';
import { higherEpochs, recordedSecrets } from './ownership.ts';
import { planPrune } from './prune.ts';
import { planSecrets } from './secrets.ts';
import { planService } from './services.ts';
import { planSliceDrain, planSlices } from './slices.ts';
import { routeAddresses } from './variables.ts';

interface ReadingInput {
  readonly owner: RouteOwner;
  readonly spec: Pick<Spec, 'routes'>;
  readonly slices: readonly KubeObject[];
}

/** Objects that must be read by name for a plan, besides those found by label. */
export interface NamesToRead {
  readonly services: readonly string[];
  readonly configMaps: readonly string[];
  /** Published Secrets; those that slices record although the spec dropped them are among them. */
  readonly secrets: readonly string[];
  /** Secrets that hold the logins for published ones. */
  readonly credentials: readonly string[];
}

/** `slices`: at least those with our owner label. */
export function namesToRead({ owner, spec: { routes }, slices }: ReadingInput): NamesToRead {
  const references = routes.secrets.flatMap((secret) => [
    secret.readWriteCredentialsRef,
    secret.readOnlyCredentialsRef,
  ]);
  return {
    services: [routes.readWrite.service, ...(routes.readOnly === undefined ? [] : [routes.readOnly.service])],
    configMaps: routes.configMaps.map(({ name }) => name),
    secrets: [...new Set([...routes.secrets.map(({ name }) => name), ...recordedSecrets(slices, owner)])],
    credentials: [...new Set(references.flatMap((reference) => (reference === undefined ? [] : [reference.name])))],
  };
}

/**
 * Everything that should be published for `target`: Services, then slices (what leads elsewhere first, I1), then
 * ConfigMaps and Secrets, then what the spec dropped.
 */
export function planRoutes(input: RouteInput): RoutePlan {
  const { owner, spec, current, target } = input;
  const behind = higherEpochs(current, owner, target.epoch);
  if (behind.length > 0) return joinPlans([{ writes: [], problems: behind }]);

  const readWrite = planService(input, spec.routes.readWrite);
  const readOnly = spec.routes.readOnly === undefined ? null : planService(input, spec.routes.readOnly);
  const services = { readWrite: readWrite.usable, readOnly: readOnly?.usable ?? null };
  const usable = [services.readWrite, services.readOnly].filter((service) => service !== null);
  const addresses = routeAddresses(input, new Map(usable.map(({ name, port }) => [name, port.port])));
  const parts = [
    readWrite,
    ...(readOnly === null ? [] : [readOnly]),
    planSlices(input, services),
    planConfigMaps(input, addresses),
    planSecrets(input, addresses),
  ];
  // What applications may still use goes only when its successors are there.
  const settled = services.readWrite !== null && (readOnly === null || services.readOnly !== null);
  const prune = { writes: settled ? planPrune(owner, spec.routes, current) : [], problems: [] };
  return joinPlans([...parts, prune]);
}

/** I2: the read-write route emptied and stamped with `target.epoch`. Whom it leads to next plays no part. */
export function planDrain(
  input: Pick<RouteInput, 'owner' | 'spec' | 'members' | 'addresses' | 'target' | 'leavers' | 'current'>,
): RoutePlan {
  const behind = higherEpochs(input.current, input.owner, input.target.epoch);
  return joinPlans(behind.length > 0 ? [{ writes: [], problems: behind }] : [planSliceDrain(input)]);
}
