/** What goes when the spec drops an object: only ours, and only as it was read. */
import type { Spec } from '../api/database-failover.ts';
import { RESOURCES } from '../api/resources.ts';
import type { KubeObject, Resource } from '../ports/kube.ts';
import type { CurrentObjects, RouteOwner, RouteWrite } from './contract.ts';
import { isOurs } from './ownership.ts';
import { deleteOf } from './writes.ts';

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
