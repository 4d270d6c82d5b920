/** What the route room is given and what it answers. Nothing here touches the world: the conductor carries it out. */
import type { Spec } from '../api/database-failover.ts';
import type { RouteTarget } from '../api/decision.ts';
import type { MemberSettings } from '../api/settings.ts';
import type { KubeObject, ObjectKey, Resource } from '../ports/kube.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';

/** The resource whose routes these are. A re-created resource finds its objects by label, whatever its uid. */
export interface RouteOwner {
  readonly name: string;
  readonly namespace: string;
  /** Its uid, given when the published objects are to go with it (`deletionPolicy: Delete`). */
  readonly cascadeFrom?: string;
}

/**
 * Objects of the owner's namespace as last read, complete in this sense: every Service, ConfigMap and Secret that
 * `namesToRead` names, every Service, ConfigMap and slice with our owner label, and every slice whose
 * `kubernetes.io/service-name` is one of the spec's Services. What is not in here does not exist.
 */
export interface CurrentObjects {
  readonly services: readonly KubeObject[];
  readonly slices: readonly KubeObject[];
  readonly configMaps: readonly KubeObject[];
  readonly secrets: readonly KubeObject[];
}

export interface RouteInput {
  readonly owner: RouteOwner;
  readonly spec: Pick<Spec, 'database' | 'routes'>;
  readonly members: readonly MemberSettings[];
  /**
   * Addresses by member, at most one per family: those that answered the probe, or those of the resolved route host
   * where applications reach the member elsewhere. A member without an entry is one whose address is not known now.
   */
  readonly addresses: ReadonlyMap<string, readonly ResolvedAddress[]>;
  /** Why a member has no entry, where that is known. */
  readonly addressProblems?: ReadonlyMap<string, string>;
  readonly target: RouteTarget;
  /** Members that a drain takes out of the read-only route. */
  readonly leavers?: ReadonlySet<string>;
  /** `--cluster-domain`, e.g. `cluster.local`. */
  readonly clusterDomain: string;
  readonly current: CurrentObjects;
  /** Credentials Secrets of `routes.secrets` by name; null: not found; no entry: could not be read now. */
  readonly credentials: ReadonlyMap<string, KubeObject | null>;
}

export type RouteWrite =
  /** Server-side apply. With `metadata.uid` and `metadata.resourceVersion` these are preconditions; without: create. */
  | { readonly kind: 'Apply'; readonly resource: Resource; readonly object: KubeObject; readonly force: boolean }
  | {
      readonly kind: 'Delete';
      readonly resource: Resource;
      readonly key: ObjectKey;
      readonly uid: string;
      readonly resourceVersion: string;
    };

export type RouteProblemReason =
  /** The Service has a selector, is headless or an ExternalName, belongs to another resource, or has no usable port. */
  | 'ServiceNotUsable'
  /** A slice that is not ours names our Service; kube-proxy merges it with ours. */
  | 'ForeignEndpoints'
  /** The name is taken by an object that is not ours; it stays untouched. */
  | 'ObjectNotOurs'
  /** One of our objects carries a higher epoch than this plan: nothing is written. */
  | 'HigherEpoch'
  | 'TemplateError'
  /** No address of a member can be published; where it is merely unknown the published one stays. */
  | 'AddressMissing'
  | 'CredentialsMissing'
  | 'CredentialsMalformed';

/** Something a person must know or mend. `message` says what, and what to do; it never holds a secret. */
export interface RouteProblem {
  readonly reason: RouteProblemReason;
  readonly message: string;
  readonly object: { readonly kind: string; readonly name: string };
}

/**
 * Writes in the order to carry out: stop at the first that fails, and read again. A plan touches each object at most
 * once; some goals take two plans (empty one slice before filling another), so plan again with what the writes
 * returned until `writes` is empty.
 */
export interface RoutePlan {
  readonly writes: readonly RouteWrite[];
  readonly problems: readonly RouteProblem[];
  /** Nothing to write and nothing wrong: what is published is what should be. */
  readonly inSync: boolean;
}

/** One part of a plan, before parts are joined. */
export interface PartialPlan {
  readonly writes: readonly RouteWrite[];
  readonly problems: readonly RouteProblem[];
}

export function joinPlans(parts: readonly PartialPlan[]): RoutePlan {
  const writes = parts.flatMap((part) => part.writes);
  const problems = parts.flatMap((part) => part.problems);
  return { writes, problems, inSync: writes.length === 0 && problems.length === 0 };
}
