/** What goes when the spec drops an object or the resource itself is deleted: only ours, and only as it was read. */
import type { Spec } from '../api/database-failover.ts';
import { RESOURCES } from '../api/resources.ts';
import type { KubeObject, Resource } from '../ports/kube.ts';
import { type CurrentObjects, joinPlans, type RouteOwner, type RoutePlan, type RouteWrite } from './contract.ts';
import { isOurs } from './ownership.ts';
import { deleteOf } from './writes.ts';

/**
 * The resource is being deleted. `Retain`: everything stays as it is, labels included, so that a re-created resource
 * takes it over. `Delete`: all of ours goes, Services first, because they are what traffic enters by.
 */
export function planDeletion(owner: RouteOwner, policy: Spec['deletionPolicy'], current: CurrentObjects): RoutePlan {
  if (policy === 'Retain') return joinPlans([]);
  const writes = [
    ...deleteOurs(RESOURCES.service, current.services, owner),
    ...deleteOurs(RESOURCES.endpointSlice, current.slices, owner),
    ...deleteOurs(RESOURCES.configMap, current.configMaps, owner),
    ...deleteOurs(RESOURCES.secret, current.secrets, owner),
  ];
  return joinPlans([{ writes, problems: [] }]);
}

/** Services, ConfigMaps and Secrets of ours that the spec names no more. */
export function planPrune(owner: RouteOwner, routes: Spec['routes'], current: CurrentObjects): RouteWrite[] {
  const { readWrite, readOnly, configMaps, secrets } = routes;
  const services = new Set([readWrite.service, ...(readOnly === undefined ? [] : [readOnly.service])]);
  const dropped = (objects: readonly KubeObject[], named: ReadonlySet<string>) =>
    objects.filter(({ metadata }) => !named.has(metadata.name ?? ''));
  const names = (list: readonly { readonly name: string }[]) => new Set(list.map(({ name }) => name));
  return [
    ...deleteOurs(RESOURCES.service, dropped(current.services, services), owner),
    ...deleteOurs(RESOURCES.configMap, dropped(current.configMaps, names(configMaps)), owner),
    ...deleteOurs(RESOURCES.secret, dropped(current.secrets, names(secrets)), owner),
  ];
}

function deleteOurs(resource: Resource, objects: readonly KubeObject[], owner: RouteOwner): RouteWrite[] {
  return objects.filter((object) => isOurs(object, owner)).map((object) => deleteOf(resource, object));
}
