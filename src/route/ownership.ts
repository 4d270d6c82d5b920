/** Which objects are ours, at which epoch, and what every object of ours carries. */
import {
  API_VERSION,
  EPOCH_ANNOTATION,
  FIELD_MANAGER,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  OWNER_LABEL,
  RESOURCES,
  SECRETS_ANNOTATION,
} from '../api/resources.ts';
import type { KubeObject, ObjectMeta } from '../ports/kube.ts';
import type { CurrentObjects, RouteOwner, RouteProblem } from './contract.ts';

const EPOCH = /^[0-9]{1,15}$/;

export function ownerLabels(owner: RouteOwner): Readonly<Record<string, string>> {
  return { [OWNER_LABEL]: owner.name, [MANAGED_BY_LABEL]: MANAGED_BY };
}

/**
 * What every object of ours says of its owner. With `deletionPolicy: Delete` the garbage collector removes the objects
 * when the resource goes, whether the operator runs or not; no finalizer can then keep a resource from going.
 */
export function ownerMetadata(owner: RouteOwner): Pick<ObjectMeta, 'labels' | 'ownerReferences'> {
  const labels = ownerLabels(owner);
  if (owner.cascadeFrom === undefined) return { labels };
  const { kind } = RESOURCES.databaseFailover;
  return { labels, ownerReferences: [{ apiVersion: API_VERSION, kind, name: owner.name, uid: owner.cascadeFrom }] };
}

/** Ours by its labels: they survive a restore from a backup and a re-creation of the resource, a uid does not. */
export function isOurs(object: KubeObject, owner: RouteOwner): boolean {
  return otherOwner(object) === owner.name;
}

/** The resource of this operator to which the object belongs, or null when it is none of the operator's. */
export function otherOwner(object: KubeObject): string | null {
  const labels = object.metadata.labels ?? {};
  return labels[MANAGED_BY_LABEL] === MANAGED_BY ? (labels[OWNER_LABEL] ?? null) : null;
}

/** Epoch of a published object; 0 where there is none that can be read. */
export function epochOf(object: KubeObject): number {
  const text = object.metadata.annotations?.[EPOCH_ANNOTATION] ?? '';
  return EPOCH.test(text) ? Number(text) : 0;
}

export function ownObjects(current: CurrentObjects, owner: RouteOwner): readonly KubeObject[] {
  const all = [...current.services, ...current.slices, ...current.configMaps, ...current.secrets];
  return all.filter((object) => isOurs(object, owner));
}

/** Highest epoch on our published objects, 0 when there are none: a new attempt must begin above it. */
export function highestEpoch(current: CurrentObjects, owner: RouteOwner): number {
  return Math.max(0, ...ownObjects(current, owner).map(epochOf));
}

/** I10: while one of our objects carries a higher epoch, this view of the world is behind and nothing is written. */
export function higherEpochs(current: CurrentObjects, owner: RouteOwner, epoch: number): readonly RouteProblem[] {
  return ownObjects(current, owner)
    .filter((object) => epochOf(object) > epoch)
    .map((object) => ({
      reason: 'HigherEpoch',
      object: identify(object),
      message:
        `${describe(object)} was published at epoch ${epochOf(object)}, above this plan’s epoch ${epoch}; ` +
        'nothing is written. If nobody else moves these routes, a FailoverRequest of kind Rebaseline publishes above it.',
    }));
}

/** Names of the Secrets that our slices say we published. */
export function recordedSecrets(slices: readonly KubeObject[], owner: RouteOwner): readonly string[] {
  const recorded = slices
    .filter((slice) => isOurs(slice, owner))
    .flatMap((slice) => (slice.metadata.annotations?.[SECRETS_ANNOTATION] ?? '').split(','));
  return [...new Set(recorded.filter((name) => name !== ''))].sort();
}

/** Who writes the object, as it says itself, for messages. */
export function managerOf(object: KubeObject): string {
  const label = object.metadata.labels?.['endpointslice.kubernetes.io/managed-by'];
  if (label !== undefined && label !== '') return label;
  const others = (object.metadata.managedFields ?? []).flatMap(({ manager }) =>
    manager === undefined || manager === FIELD_MANAGER ? [] : [manager],
  );
  return [...new Set(others)].join(', ') || 'an unknown manager';
}

export function identify(object: KubeObject): { readonly kind: string; readonly name: string } {
  return { kind: object.kind, name: object.metadata.name ?? '' };
}

export function describe(object: KubeObject): string {
  return `${object.kind} ${object.metadata.name ?? ''}`;
}
