/**
 * The order of slice writes, which is where I1 is kept: over all slices that name the read-write Service, foreign
 * ones included, no write of ours ever puts a second member behind it.
 *
 * Everything that leads elsewhere than to the target is removed first. The last slice that does is not emptied but
 * rewritten: one write replaces one server by another atomically, and a proxy that batches changes (kube-proxy's
 * min-sync-period, 1 s in stock clusters) then needs one round instead of two. Slices emptied in this plan are filled
 * by the next one. While a foreign slice leads elsewhere, nothing is added at all.
 */
import { RESOURCES } from '../api/resources.ts';
import type { KubeObject } from '../ports/kube.ts';
import { serverKey } from './addresses.ts';
import type { RouteWrite } from './contract.ts';
import type { ObservedEndpoint, ObservedSlice } from './observed-objects.ts';
import { type PortedEndpoint, type SliceIntent, type SliceStamp, sliceObject } from './slice-intents.ts';
import { applyIfNeeded, deleteOf } from './writes.ts';

/** A slice of ours as it is, raw and read. */
export interface OwnSlice {
  readonly object: KubeObject;
  readonly observed: ObservedSlice;
}

/** The one member that the read-write Service may lead to. */
export interface ServedMember {
  readonly name: string | null;
  /** `serverKey`s at which it is known; empty while no address is known. */
  readonly keys: ReadonlySet<string>;
}

/** Servers that a slice leads to, as `serverKey`s. */
export function serversOf(slice: ObservedSlice): readonly string[] {
  return slice.endpoints.flatMap((endpoint) => slice.ports.flatMap(({ port }) => keysOf(endpoint, port)));
}

/** Whether the slice leads to somebody else than the served member. */
export function strays(slice: ObservedSlice, served: ServedMember): boolean {
  return keptWhileBlind(slice, served) === null && serversOf(slice).some((key) => !served.keys.has(key));
}

/**
 * I9: while no address of the served member is known, a slice that already leads to it, and to nothing else, stays.
 * Returns its endpoint, or null when the rule does not apply.
 */
export function keptWhileBlind(slice: ObservedSlice, served: ServedMember): PortedEndpoint | null {
  const [endpoint, second] = slice.endpoints;
  if (served.keys.size > 0 || endpoint === undefined || second !== undefined) return null;
  const [address] = endpoint.addresses;
  const [{ port } = { port: null }, secondPort] = slice.ports;
  if (address === undefined || endpoint.addresses.length > 1 || port === null || secondPort !== undefined) return null;
  if (served.name === null || endpoint.hostname !== served.name) return null;
  return { member: served.name, address, port };
}

export interface OrderInput {
  readonly readWriteService: string;
  /** null: reads have no Service of their own. */
  readonly readOnlyService: string | null;
  readonly served: ServedMember;
  readonly own: readonly OwnSlice[];
  /** A foreign slice leads the read-write Service elsewhere. */
  readonly blocked: boolean;
  /** What should be. Slices of ours that are not in here go away, unless `keeps` has them. */
  readonly intents: readonly SliceIntent[];
  /** Names of slices that stay as they are, as long as they do not stray. */
  readonly keeps: ReadonlySet<string>;
  readonly stamp: SliceStamp;
}

export function orderSliceWrites(input: OrderInput): RouteWrite[] {
  const { own, intents, readWriteService, served } = input;
  const wanted = new Map(intents.map((intent) => [intent.name, intent]));
  // A Service that the spec no longer names may still be in use by applications: its slices must not stray either.
  const straying = own.filter(({ observed }) => observed.service !== input.readOnlyService && strays(observed, served));
  const elsewhere = straying.filter(({ observed }) => wanted.get(observed.name)?.service !== readWriteService);
  const inPlace = straying.filter((slice) => !elsewhere.includes(slice));
  const replaced = input.blocked ? undefined : inPlace.find((slice) => filled(wanted.get(slice.observed.name)));

  const removals = elsewhere.flatMap((slice) => settle(input, slice, wanted.get(slice.observed.name)));
  const drains = inPlace
    .filter((slice) => slice !== replaced)
    .flatMap((slice) => settle(input, slice, emptied(wanted.get(slice.observed.name))));
  const replacement = replaced === undefined ? [] : settle(input, replaced, wanted.get(replaced.observed.name));
  const rest = intents
    .filter(({ name }) => !straying.some(({ observed }) => observed.name === name))
    .flatMap((intent) => settleClean(input, intent));
  const leftovers = own
    .filter((slice) => !straying.includes(slice) && !wanted.has(slice.observed.name))
    .filter(({ observed }) => !input.keeps.has(observed.name))
    .map(({ object }) => deleteOf(RESOURCES.endpointSlice, object));
  return [...removals, ...drains, ...replacement, ...rest, ...leftovers];
}

/** A slice that leads nowhere wrong: written as wanted, but not filled while a foreign slice leads elsewhere. */
function settleClean(input: OrderInput, intent: SliceIntent): RouteWrite[] {
  const current = input.own.find(({ observed }) => observed.name === intent.name) ?? null;
  const adds = intent.service === input.readWriteService && filled(intent) && !servesAlready(input, current);
  return settle(input, current, adds && input.blocked ? emptied(intent) : intent);
}

function servesAlready({ readWriteService }: OrderInput, current: OwnSlice | null): boolean {
  return current !== null && current.observed.service === readWriteService && current.observed.endpoints.length > 0;
}

function settle(input: OrderInput, current: OwnSlice | null, intent: SliceIntent | undefined): RouteWrite[] {
  if (intent === undefined) return current === null ? [] : [deleteOf(RESOURCES.endpointSlice, current.object)];
  // The family of a slice cannot be changed: a slice of another one goes, and comes back with the next plan.
  if (current !== null && current.observed.family !== intent.family) {
    return [deleteOf(RESOURCES.endpointSlice, current.object)];
  }
  return applyIfNeeded(RESOURCES.endpointSlice, sliceObject(intent, input.stamp), current?.object ?? null);
}

function filled(intent: SliceIntent | undefined): intent is SliceIntent {
  return intent !== undefined && intent.endpoints.length > 0;
}

function emptied(intent: SliceIntent | undefined): SliceIntent | undefined {
  return intent === undefined ? undefined : { ...intent, endpoints: [] };
}

function keysOf(endpoint: ObservedEndpoint, port: number | null): string[] {
  return endpoint.addresses.map((address) => serverKey(address, port));
}
