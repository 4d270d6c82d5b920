/** Reads what is published, and brings it to what the route room plans, one write at a time, each with a precondition. */
import type { Spec } from '../api/database-failover.ts';
import type { RouteTarget } from '../api/decision.ts';
import { OWNER_LABEL, PRIMARY_ANNOTATION, RESOURCES } from '../api/resources.ts';
import type { MemberSettings } from '../api/settings.ts';
import { type CallOptions, KubeError, type KubeObject, type KubePort, type Resource } from '../ports/kube.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';
import type { CurrentObjects, RouteInput, RouteOwner, RoutePlan, RouteProblem, RouteWrite } from '../route/contract.ts';
import { type ForeignEdit, foreignEdits } from '../route/foreign-edits.ts';
import { highestEpoch, isOurs } from '../route/ownership.ts';
import { namesToRead, planDrain, planRoutes } from '../route/plan.ts';
import { isTraffic, refusalOf, type WriteRefusal, writeKey } from './write-refusal.ts';

export interface Snapshot {
  readonly current: CurrentObjects;
  readonly credentials: ReadonlyMap<string, KubeObject | null>;
}

export interface PublishInput {
  readonly owner: RouteOwner;
  readonly spec: Spec;
  readonly members: readonly MemberSettings[];
  readonly addresses: ReadonlyMap<string, readonly ResolvedAddress[]>;
  readonly target: RouteTarget;
  /** Members that a drain takes out of the read-only route. */
  readonly leavers?: ReadonlySet<string>;
  /**
   * Objects as read, or as returned by writes, a moment ago in the same attempt; null: read now. Every write carries the
   * resourceVersion of its object, so an older snapshot costs a conflict and a read, never a wrong write. It saves
   * 30-80 ms: a LIST right after a write waits until the API server's watch cache has caught up.
   */
  readonly snapshot?: Snapshot | null;
}

export interface PublishOutcome {
  readonly problems: readonly (RouteProblem | WriteRefusal)[];
  readonly inSync: boolean;
  readonly writes: number;
  /** Versions that our own writes made; the watch will show them again. */
  readonly written: ReadonlySet<string>;
  /** Objects that were not as the plan wants them, and who seems to have changed them. */
  readonly differing: readonly ForeignEdit[];
  readonly snapshot: Snapshot;
}

export interface Publisher {
  read(owner: RouteOwner, spec: Spec, options: CallOptions): Promise<Snapshot>;
  /** Empties the read-write route and stamps it with the target's epoch. */
  drain(input: PublishInput, options: CallOptions): Promise<PublishOutcome>;
  publish(input: PublishInput, options: CallOptions): Promise<PublishOutcome>;
}

/** Plans that one goal may take: emptying before filling takes two, a conflict costs one more. */
const MAX_ROUNDS = 8;

export function createPublisher(kube: KubePort, clusterDomain: string): Publisher {
  const read = (owner: RouteOwner, spec: Spec, options: CallOptions) => readSnapshot(kube, owner, spec, options);

  const carryOut = async (
    input: PublishInput,
    plan: (routeInput: RouteInput) => RoutePlan,
    options: CallOptions,
  ): Promise<PublishOutcome> => {
    let snapshot = input.snapshot ?? (await read(input.owner, input.spec, options));
    let writes = 0;
    const written = new Set<string>();
    const differing: ForeignEdit[] = [];
    const refusals = new Map<string, WriteRefusal>();
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const planned = plan(routeInput(input, snapshot, clusterDomain));
      const due = planned.writes.filter((write) => !refusals.has(writeKey(write)));
      if (due.length === 0) {
        const problems = [...planned.problems, ...refusals.values()];
        return { problems, inSync: planned.inSync, writes, written, differing, snapshot };
      }
      if (round === 0) differing.push(...foreignEdits(due, snapshot.current));
      try {
        for (const write of due) {
          const current = await executeUnlessRefused(kube, write, snapshot.current, written, refusals, options);
          if (current === null) continue;
          snapshot = { ...snapshot, current };
          writes += 1;
        }
      } catch (error) {
        if (!(error instanceof KubeError) || (error.code !== 'Conflict' && error.code !== 'AlreadyExists')) throw error;
        snapshot = await read(input.owner, input.spec, options);
      }
    }
    throw new KubeError(
      'Conflict',
      `the published objects of ${input.owner.name} change faster than they can be written`,
    );
  };

  return {
    read,
    drain: (input, options) => carryOut(input, planDrain, options),
    publish: (input, options) => carryOut(input, planRoutes, options),
  };
}

function routeInput(input: PublishInput, snapshot: Snapshot, clusterDomain: string): RouteInput {
  return { ...input, clusterDomain, current: snapshot.current, credentials: snapshot.credentials };
}

async function readSnapshot(kube: KubePort, owner: RouteOwner, spec: Spec, options: CallOptions): Promise<Snapshot> {
  const { namespace } = owner;
  const ours = { labels: `${OWNER_LABEL}=${owner.name}` };
  const [ownServices, ownConfigMaps, ownSlices] = await Promise.all([
    kube.list(RESOURCES.service, namespace, ours, options),
    kube.list(RESOURCES.configMap, namespace, ours, options),
    kube.list(RESOURCES.endpointSlice, namespace, ours, options),
  ]);
  const names = namesToRead({ owner, spec, slices: ownSlices });
  const named = async (resource: Resource, list: readonly string[], known: readonly KubeObject[]) => {
    const missing = list.filter((name) => !known.some((object) => object.metadata.name === name));
    const found = await Promise.all(missing.map((name) => kube.get(resource, { namespace, name }, options)));
    return [...known, ...found.filter((object) => object !== null)];
  };
  const [services, configMaps, secrets, credentials, namedSlices] = await Promise.all([
    named(RESOURCES.service, names.services, ownServices),
    named(RESOURCES.configMap, names.configMaps, ownConfigMaps),
    named(RESOURCES.secret, names.secrets, []),
    readCredentials(kube, namespace, names.credentials, options),
    kube.list(
      RESOURCES.endpointSlice,
      namespace,
      { labels: `kubernetes.io/service-name in (${names.services.join(',')})` },
      options,
    ),
  ]);
  const slices = [...ownSlices, ...namedSlices.filter((slice) => !ownSlices.some((own) => sameName(own, slice)))];
  return { current: { services, slices, configMaps, secrets }, credentials };
}

async function readCredentials(
  kube: KubePort,
  namespace: string,
  names: readonly string[],
  options: CallOptions,
): Promise<ReadonlyMap<string, KubeObject | null>> {
  const entries = await Promise.all(
    names.map(async (name) => [name, await kube.get(RESOURCES.secret, { namespace, name }, options)] as const),
  );
  return new Map(entries);
}

const sameName = (one: KubeObject, other: KubeObject): boolean => one.metadata.name === other.metadata.name;

/** null: it was refused, and is no write that traffic depends on: a ConfigMap must not keep a route from moving. */
async function executeUnlessRefused(
  kube: KubePort,
  write: RouteWrite,
  current: CurrentObjects,
  written: Set<string>,
  refusals: Map<string, WriteRefusal>,
  options: CallOptions,
): Promise<CurrentObjects | null> {
  try {
    return await execute(kube, write, current, written, options);
  } catch (error) {
    const isRace = error instanceof KubeError && (error.code === 'Conflict' || error.code === 'AlreadyExists');
    if (!(error instanceof KubeError) || isRace || isTraffic(write) || options.signal.aborted) throw error;
    refusals.set(writeKey(write), refusalOf(write, error));
    return null;
  }
}

/** Carries out one write and returns the objects as they are after it; notes the version that it made. */
async function execute(
  kube: KubePort,
  write: RouteWrite,
  current: CurrentObjects,
  written: Set<string>,
  options: CallOptions,
): Promise<CurrentObjects> {
  if (write.kind === 'Delete') {
    await kube.delete(write.resource, write.key, { uid: write.uid, resourceVersion: write.resourceVersion }, options);
    return replaced(current, write.resource, write.key.name, null);
  }
  const object = await onExisting(kube, write, options);
  const stored = await kube.apply(write.resource, object, {
    ...options,
    force: write.force || object !== write.object,
  });
  if (stored.metadata.resourceVersion !== undefined) written.add(stored.metadata.resourceVersion);
  return replaced(current, write.resource, stored.metadata.name ?? '', stored);
}

/**
 * What carries an epoch comes into being as a bare object of ours, and is applied over that one alone: an apply that creates
 * would overwrite what another leader has published meanwhile, for to the API server we are the same field manager (I10).
 */
async function onExisting(
  kube: KubePort,
  { resource, object }: Extract<RouteWrite, { kind: 'Apply' }>,
  options: CallOptions,
): Promise<KubeObject> {
  if (object.metadata.resourceVersion !== undefined || object.metadata.annotations === undefined) return object;
  // Nothing that a later plan may drop: what is created belongs to that write, and no apply takes it away again.
  const { annotations: _annotations, ownerReferences: _references, ...metadata } = object.metadata;
  const { data: _data, stringData: _stringData, endpoints, ...rest } = object;
  const bare = { ...rest, metadata, ...(endpoints === undefined ? {} : { endpoints: [] }) };
  const { uid, resourceVersion } = (await kube.create(resource, bare, options)).metadata;
  if (uid === undefined || resourceVersion === undefined) return object;
  return { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
}

const LIST_OF: Readonly<Record<string, keyof CurrentObjects>> = {
  services: 'services',
  endpointslices: 'slices',
  configmaps: 'configMaps',
  secrets: 'secrets',
};

function replaced(
  current: CurrentObjects,
  resource: Resource,
  name: string,
  object: KubeObject | null,
): CurrentObjects {
  const list = LIST_OF[resource.plural];
  if (list === undefined) return current;
  const others = current[list].filter((candidate) => candidate.metadata.name !== name);
  return { ...current, [list]: object === null ? others : [...others, object] };
}

/** What our slices of the read-write Service say is published: the member, and the highest epoch of all our objects. */
export function publishedState(
  snapshot: Snapshot,
  owner: RouteOwner,
  spec: Spec,
): { readonly primary: string | null; readonly epoch: number } {
  const service = spec.routes.readWrite.service;
  const primaries = snapshot.current.slices
    .filter((slice) => isOurs(slice, owner) && slice.metadata.labels?.['kubernetes.io/service-name'] === service)
    .map((slice) => slice.metadata.annotations?.[PRIMARY_ANNOTATION] ?? '')
    .filter((primary) => primary !== '');
  return { primary: primaries[0] ?? null, epoch: highestEpoch(snapshot.current, owner) };
}
