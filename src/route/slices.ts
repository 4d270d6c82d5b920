/** Which slices there should be, given the Services as they are and the addresses as they are known. */
import type { Family } from '../api/evidence.ts';
import type { KubeObject } from '../ports/kube.ts';
import { canonicalAddress, publishable, refusal, serverKey } from './addresses.ts';
import type { PartialPlan, RouteInput, RouteProblem } from './contract.ts';
import { type ObservedSlice, observeSlice } from './observed-objects.ts';
import { describe, identify, isOurs, managerOf, otherOwner, recordedSecrets } from './ownership.ts';
import type { UsableService } from './services.ts';
import {
  emptyIntentOf,
  intentWithout,
  type PortedEndpoint,
  readOnlyIntents,
  readWriteIntent,
  type SliceIntent,
  type SliceStamp,
  sliceName,
} from './slice-intents.ts';
import {
  keptWhileBlind,
  type OwnSlice,
  orderSliceWrites,
  type ServedMember,
  serversOf,
  strays,
} from './slice-order.ts';

/** The Services of a plan; null where it does not exist yet, cannot be used, or is not wanted. */
export interface SliceServices {
  readonly readWrite: UsableService | null;
  readonly readOnly: UsableService | null;
}

type SliceInput = Pick<
  RouteInput,
  'owner' | 'spec' | 'members' | 'addresses' | 'addressProblems' | 'target' | 'leavers' | 'current'
>;

export function planSlices(input: SliceInput, services: SliceServices): PartialPlan {
  const own = ownSlices(input);
  const served = servedMember(input);
  const readWrite = readWriteIntents(services.readWrite, own, served, input);
  const readOnly = readOnlySliceIntents(services.readOnly, own, input);
  const wanted = [...readWrite, ...readOnly];
  const taken = nameProblems(input, wanted);
  const takenNames = new Set(taken.map(({ object }) => object.name));
  const writes = orderSliceWrites({
    ...serviceNames(input),
    served,
    own,
    blocked: foreignSlices(input).some((slice) => leadsElsewhere(observeSlice(slice), input, served)),
    intents: wanted.filter(({ name }) => !takenNames.has(name)),
    keeps: keptSlices(input, services, own),
    stamp: stampOf(input, input.target.primary ?? '', publishedSecrets(input)),
  });
  const problems = [...foreignProblems(input), ...taken, ...addressProblems(input, readWrite, readOnly, services)];
  return { writes, problems };
}

/** I2: every slice of ours that may lead writes anywhere, emptied; reads stay as they are, but for who leaves. */
export function planSliceDrain(input: SliceInput): PartialPlan {
  const { readOnlyService } = serviceNames(input);
  const leavers = input.leavers ?? new Set();
  const settled = ownSlices(input).flatMap((slice) => {
    const { observed } = slice;
    const intent = observed.service === readOnlyService ? intentWithout(observed, leavers) : emptyIntentOf(observed);
    return intent === null ? [] : [{ slice, intent }];
  });
  const names = [
    ...new Set([
      ...input.spec.routes.secrets.map(({ name }) => name),
      ...recordedSecrets(input.current.slices, input.owner),
    ]),
  ];
  const writes = orderSliceWrites({
    ...serviceNames(input),
    served: { name: null, keys: new Set() },
    own: settled.map(({ slice }) => slice),
    blocked: false,
    intents: settled.map(({ intent }) => intent),
    keeps: new Set(),
    stamp: stampOf(input, '', names.sort()),
  });
  return { writes, problems: foreignProblems(input) };
}

function ownSlices({ current, owner }: SliceInput): OwnSlice[] {
  return current.slices
    .filter((object) => isOurs(object, owner))
    .map((object) => ({ object, observed: observeSlice(object) }));
}

function serviceNames({ spec }: Pick<SliceInput, 'spec'>) {
  return {
    readWriteService: spec.routes.readWrite.service,
    readOnlyService: spec.routes.readOnly?.service ?? null,
  };
}

function servedMember({ target, members, addresses }: SliceInput): ServedMember {
  const member = members.find(({ name }) => name === target.primary);
  const known = member === undefined ? [] : (addresses.get(member.name) ?? []);
  return {
    name: target.primary,
    keys: new Set(known.map(({ address }) => serverKey(address, member?.route.port ?? null))),
  };
}

function readWriteIntents(
  service: UsableService | null,
  own: readonly OwnSlice[],
  served: ServedMember,
  input: SliceInput,
): SliceIntent[] {
  const { readWriteService } = serviceNames(input);
  if (service === null) {
    const straying = own.filter(({ observed }) => observed.service === readWriteService && strays(observed, served));
    return straying.map(({ observed }) => emptyIntentOf(observed));
  }
  return service.families.map((family) => {
    const current = namedSlice(own, sliceName(service.name, family, null));
    const serves = current !== null && current.service === service.name && current.family === family;
    const kept = serves ? keptWhileBlind(current, served) : null;
    return readWriteIntent(service, family, kept ?? knownEndpoint(input, served.name, family), current);
  });
}

function readOnlySliceIntents(
  service: UsableService | null,
  own: readonly OwnSlice[],
  input: SliceInput,
): SliceIntent[] {
  if (service === null) return [];
  return service.families.flatMap((family) => {
    const endpoints = input.target.readers.flatMap((reader) => {
      const endpoint = knownEndpoint(input, reader, family) ?? publishedEndpoint(input, own, service, reader, family);
      return endpoint === null ? [] : [endpoint];
    });
    return readOnlyIntents(service, family, endpoints, namedSlice(own, sliceName(service.name, family, null)));
  });
}

function knownEndpoint(input: SliceInput, name: string | null, family: Family): PortedEndpoint | null {
  const member = input.members.find((candidate) => candidate.name === name);
  if (member === undefined) return null;
  const address = publishable(input.addresses.get(member.name) ?? [], family);
  return address === null ? null : { member: member.name, address, port: member.route.port };
}

/** I9: a reader whose address is not known now keeps the one that is published. */
function publishedEndpoint(
  input: SliceInput,
  own: readonly OwnSlice[],
  service: UsableService,
  name: string,
  family: Family,
): PortedEndpoint | null {
  const member = input.members.find((candidate) => candidate.name === name);
  if (member === undefined || (input.addresses.get(name) ?? []).length > 0) return null;
  const published = own
    .filter(({ observed }) => observed.service === service.name && observed.family === family)
    .flatMap(({ observed }) => observed.endpoints)
    .find(({ hostname }) => hostname === name);
  const [address] = published?.addresses ?? [];
  return address === undefined ? null : { member: name, address: canonicalAddress(address), port: member.route.port };
}

function namedSlice(own: readonly OwnSlice[], name: string): ObservedSlice | null {
  return own.find(({ observed }) => observed.name === name)?.observed ?? null;
}

/** Slices of a Service that cannot be used now stay; so do those of a dropped Service until its successors work. */
function keptSlices(input: SliceInput, services: SliceServices, own: readonly OwnSlice[]): ReadonlySet<string> {
  const { readWriteService, readOnlyService } = serviceNames(input);
  const settled = services.readWrite !== null && (readOnlyService === null || services.readOnly !== null);
  const kept = own.filter(({ observed: { service } }) => {
    if (service === readWriteService) return services.readWrite === null;
    if (service === readOnlyService) return services.readOnly === null;
    return !settled;
  });
  return new Set(kept.map(({ observed }) => observed.name));
}

function stampOf(input: SliceInput, primary: string, secrets: readonly string[]): SliceStamp {
  return { owner: input.owner, epoch: input.target.epoch, primary, secrets };
}

/** Those the spec names, and those it dropped that are still there. */
function publishedSecrets({ spec, current, owner }: SliceInput): readonly string[] {
  const ours = current.secrets.filter((secret) => isOurs(secret, owner)).map(({ metadata }) => metadata.name ?? '');
  return [...new Set([...spec.routes.secrets.map(({ name }) => name), ...ours])].sort();
}

/** Whose slices share the traffic of the read-write Service, as a sentence; null: nobody's. */
export function foreignToReadWrite(input: Pick<SliceInput, 'owner' | 'spec' | 'current'>): string | null {
  const { readWriteService } = serviceNames(input);
  const found = foreignSlices(input).filter((slice) => observeSlice(slice).service === readWriteService);
  return found.length === 0 ? null : found.map((slice) => foreignProblem(slice).message).join(' ');
}

function foreignSlices(input: Pick<SliceInput, 'owner' | 'spec' | 'current'>): readonly KubeObject[] {
  const { readWriteService, readOnlyService } = serviceNames(input);
  return input.current.slices.filter((slice) => {
    const { service } = observeSlice(slice);
    return !isOurs(slice, input.owner) && (service === readWriteService || service === readOnlyService);
  });
}

function leadsElsewhere(slice: ObservedSlice, input: SliceInput, served: ServedMember): boolean {
  return (
    slice.service === serviceNames(input).readWriteService && serversOf(slice).some((key) => !served.keys.has(key))
  );
}

const MIRRORING = 'endpointslicemirroring-controller.k8s.io';

function foreignProblems(input: SliceInput): RouteProblem[] {
  return foreignSlices(input).map(foreignProblem);
}

function foreignProblem(slice: KubeObject): RouteProblem {
  const { name, service } = observeSlice(slice);
  const manager = managerOf(slice);
  const other = otherOwner(slice);
  const remedy =
    manager === MIRRORING
      ? `it mirrors the Endpoints object ${service}; delete that object`
      : `delete it or take its label kubernetes.io/service-name away${other === null ? '' : `; it belongs to DatabaseFailover ${other}`}`;
  return {
    reason: 'ForeignEndpoints',
    object: identify(slice),
    message: `EndpointSlice ${name}, managed by ${manager}, names Service ${service} and is not ours, so its endpoints share our traffic: ${remedy}.`,
  };
}

function nameProblems(input: SliceInput, wanted: readonly SliceIntent[]): RouteProblem[] {
  const names = new Set(wanted.map(({ name }) => name));
  return input.current.slices
    .filter((slice) => !isOurs(slice, input.owner) && names.has(slice.metadata.name ?? ''))
    .map((slice) => ({
      reason: 'ObjectNotOurs',
      object: identify(slice),
      message: `${describe(slice)} has the name of a slice that we publish and is not ours (managed by ${managerOf(slice)}); it stays untouched. Delete or rename it.`,
    }));
}

function addressProblems(
  input: SliceInput,
  readWrite: readonly SliceIntent[],
  readOnly: readonly SliceIntent[],
  services: SliceServices,
): RouteProblem[] {
  const problemsOf = (service: UsableService | null, members: readonly string[], intents: readonly SliceIntent[]) =>
    service === null ? [] : members.flatMap((member) => addressProblem(input, service, member, intents));
  const { primary, readers } = input.target;
  return [
    ...problemsOf(services.readWrite, primary === null ? [] : [primary], readWrite),
    ...problemsOf(services.readOnly, readers, readOnly),
  ];
}

function addressProblem(
  input: SliceInput,
  service: UsableService,
  member: string,
  intents: readonly SliceIntent[],
): RouteProblem[] {
  const known = input.addresses.get(member) ?? [];
  const published = intents.some(({ endpoints }) => endpoints.some((endpoint) => endpoint.member === member));
  if (published && known.length > 0) return [];
  const refused = known.flatMap(({ address }) => {
    const why = refusal(address);
    return why === null ? [] : [`${address} (${why})`];
  });
  const cause =
    known.length === 0
      ? `no address of member ${member} is known now${because(input, member)}${published ? '; the published one stays' : ''}`
      : refused.length > 0
        ? `an EndpointSlice cannot hold ${refused.join(', ')}, the address of member ${member}; give the member a route.host that applications can reach`
        : `member ${member} has no ${service.families.join(' or ')} address, and that is all the Service has`;
  return [
    {
      reason: 'AddressMissing',
      object: { kind: 'Service', name: service.name },
      message: `Service ${service.name}: ${cause}.`,
    },
  ];
}

function because({ addressProblems }: SliceInput, member: string): string {
  const why = addressProblems?.get(member);
  return why === undefined ? '' : ` (${why})`;
}
