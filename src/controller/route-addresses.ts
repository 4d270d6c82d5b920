/** Addresses that applications should use: those that answered, or the resolved route host where that differs. */
import type { MemberView } from '../api/verdict.ts';
import type { Resolution, ResolvedAddress } from '../ports/resolver.ts';
import type { RouteInput } from '../route/contract.ts';
import type { Environment } from './environment.ts';
import type { Group } from './group.ts';

export type RouteAddresses = Required<Pick<RouteInput, 'addresses' | 'addressProblems'>>;

/** By member, at most one address per family; a member of whom none is known now has a reason at best. */
export async function routeAddresses(
  group: Group,
  env: Environment,
  members: readonly MemberView[],
  signal: AbortSignal,
): Promise<RouteAddresses> {
  const addresses = new Map<string, readonly ResolvedAddress[]>();
  const addressProblems = new Map<string, string>();
  const stays = unproven(group);
  for (const { name, route, routeElsewhere } of group.settings.members) {
    if (name === stays) {
      addressProblems.set(name, 'it is on an older timeline than the group was, so its address is not followed');
      continue;
    }
    const known = routeElsewhere ? null : (members.find((view) => view.name === name)?.answered ?? []);
    const resolution = known === null ? await env.resolver.resolve(route.host, signal) : null;
    const usable = known?.map(({ family, address }) => ({ family, address })) ?? onePerFamily(resolution);
    if (usable.length > 0) addresses.set(name, usable);
    else if (resolution !== null) addressProblems.set(name, whyNone(route.host, resolution));
  }
  return { addresses, addressProblems };
}

/** Rule 340: what answers under the primary's name went back in time, so perhaps it is another server at another address. */
const TIMELINE_WENT_BACK = 340;

/** Whose published address stays as it is, wherever the member answers now. */
function unproven({ decision, record }: Group): string | null {
  return decision?.rule === TIMELINE_WENT_BACK ? record.primary : null;
}

function onePerFamily(resolution: Resolution | null): readonly ResolvedAddress[] {
  const all = resolution?.addresses ?? [];
  return all.filter((one, index) => all.findIndex((other) => other.family === one.family) === index);
}

function whyNone(host: string, { denied, problem }: Resolution): string {
  if (denied.length > 0) return `route.host ${host} leads only to what --denied-cidrs forbids: ${denied.join(', ')}`;
  return `route.host ${host} does not resolve: ${problem ?? 'no address'}`;
}
