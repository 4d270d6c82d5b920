/**
 * What people and metrics are told of the routes: where they lead, which is not where they should lead while something
 * stands in the way, such as a Service with a selector. No decision rests on it.
 */
import type { RouteTarget } from '../api/decision.ts';
import { ROUTE_MOVING } from '../report/input.ts';
import { observeSlice } from '../route/observed-objects.ts';
import { isOurs } from '../route/ownership.ts';
import { type Group, routeOwner } from './group.ts';
import type { Snapshot } from './publisher.ts';

/** By our slices as they were read or written a moment ago. */
export function routeInSlices(group: Group, { current }: Snapshot, epoch: number): RouteTarget {
  const own = current.slices.filter((slice) => isOurs(slice, routeOwner(group))).map(observeSlice);
  const behind = (service: string | undefined) =>
    own
      .filter((slice) => slice.service === service)
      .flatMap((slice) => slice.endpoints.map(({ hostname }) => hostname));
  const [primary = null] = behind(group.spec.routes.readWrite.service);
  const readers = behind(group.spec.routes.readOnly?.service);
  return {
    epoch,
    primary,
    readers: group.settings.members.map(({ name }) => name).filter((name) => readers.includes(name)),
  };
}

/** By the status, for who does not lead or is just reading it again; null while nothing was ever published. */
export function routeOnRecord({ status, record }: Group): RouteTarget | null {
  if (status.epoch === undefined) return null;
  const readers = (status.members ?? []).filter(({ readSet }) => readSet === true).map(({ name }) => name);
  return { epoch: record.epoch, primary: isHeldUp(status, record) ? null : record.primary, readers };
}

/** Then the primary on record is the one that the attempt wants to publish, and cannot. */
function isHeldUp({ conditions = [] }: Group['status'], { attempt }: Group['record']): boolean {
  const synced = conditions.find(({ type }) => type === 'RoutesSynced');
  return attempt !== null && synced?.status === 'False' && synced.reason !== ROUTE_MOVING;
}
