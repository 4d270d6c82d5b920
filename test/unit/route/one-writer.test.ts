import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EPOCH_ANNOTATION } from '../../../src/api/resources.ts';
import type { KubeObject } from '../../../src/ports/kube.ts';
import type { CurrentObjects, RouteInput, RoutePlan } from '../../../src/route/contract.ts';
import { epochOf, highestEpoch, isOurs } from '../../../src/route/ownership.ts';
import { planDrain, planRoutes } from '../../../src/route/plan.ts';
import { ADDRESSES, execute, OWNER, routeInput, service, slice } from '../../support/published-objects.ts';
import { serversBehind } from '../../support/servers-behind.ts';

/** Any server of the group in either family, and two that nobody knows. */
const MEMBER_OF: ReadonlyMap<string, string> = new Map([
  ...[...ADDRESSES].flatMap(([name, list]) => list.map(({ address }) => [address, name] as const)),
  ['192.0.2.1', 'stranger-1'],
  ['2001:db8::2', 'stranger-2'],
]);

const endpoint = fc.record({
  address: fc.constantFrom(...MEMBER_OF.keys()),
  hostname: fc.constantFrom('m1', 'm2', 'm3', 'other'),
});

/** Slices as anybody could have left them: ours and foreign, under our names and others, well and badly labelled. */
const anySlice = fc.record({
  name: fc.constantFrom(
    'orders-rw-ipv4',
    'orders-rw-ipv6',
    'orders-ro-ipv4',
    'orders-ro-ipv6',
    'old-rw-ipv4',
    'x',
    'y',
  ),
  service: fc.constantFrom('orders-rw', 'orders-rw', 'orders-rw', 'orders-ro', 'old-rw', 'unrelated'),
  owner: fc.constantFrom('orders', 'orders', 'orders', 'invoices', null),
  family: fc.constantFrom('IPv4', 'IPv6'),
  port: fc.constantFrom(5432, 5432, 5432, 6432),
  epoch: fc.integer({ min: 0, max: 9 }),
  endpoints: fc.array(endpoint, { maxLength: 3 }),
});

const usable = { ports: [{ name: 'postgresql', port: 5432 }] };

const anyService = (name: string) =>
  fc.record({
    name: fc.constant(name),
    owner: fc.constantFrom('orders', 'orders', null, 'invoices'),
    spec: fc.constantFrom<Record<string, unknown>>(
      usable,
      { ports: [{ name: 'pg', port: 5432 }], ipFamilies: ['IPv6'] },
      { ports: [{ name: 'pg', port: 5432 }], selector: { app: 'x' } },
      { ports: [{ port: 1 }, { port: 2 }] },
    ),
  });

const services = fc
  .tuple(
    fc.option(
      fc.oneof(
        { weight: 3, arbitrary: fc.constant({ name: 'orders-rw', owner: 'orders', spec: usable }) },
        { weight: 1, arbitrary: anyService('orders-rw') },
      ),
      { freq: 8 },
    ),
    fc.option(anyService('orders-ro')),
    fc.option(anyService('old-rw')),
  )
  .map((list) => list.filter((facts) => facts !== null));

const world = fc
  .record({
    slices: fc.uniqueArray(anySlice, { maxLength: 7, selector: ({ name }) => name }),
    services,
    primary: fc.constantFrom('m1', 'm2', 'm3', null),
    readers: fc.subarray(['m1', 'm2', 'm3']),
    // Mostly above all that is published, else most plans would rightly do nothing.
    epoch: fc.oneof(
      { weight: 4, arbitrary: fc.constant(12) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 9 }) },
    ),
    known: fc.subarray(['m1', 'm2', 'm3']),
  })
  .map((facts): RouteInput => {
    const current: CurrentObjects = {
      services: facts.services.map(({ name, spec, owner }) => service(name, spec, owner)),
      slices: facts.slices.map(slice),
      configMaps: [],
      secrets: [],
    };
    return routeInput({
      current,
      addresses: new Map([...ADDRESSES].filter(([name]) => facts.known.includes(name))),
      target: { epoch: facts.epoch, primary: facts.primary, readers: facts.readers },
    });
  });

/** Members behind the read-write Service: an address of the group on another port is somebody else. */
function membersBehind(current: CurrentObjects): Set<string> {
  const servers = serversBehind(current.slices, 'orders-rw').map((key) => key.split(' '));
  return new Set(
    servers.map(([address = '', port]) =>
      port === '5432' ? (MEMBER_OF.get(address) ?? address) : `${address}:${port}`,
    ),
  );
}

/** All states through up to four plans, each carried out write by write. */
function history(input: RouteInput, plan: (input: RouteInput) => RoutePlan): CurrentObjects[] {
  const states = [input.current];
  const last = () => states.at(-1) ?? input.current;
  for (let round = 0; round < 4; round += 1) {
    for (const write of plan({ ...input, current: last() }).writes) states.push(execute(last(), write));
  }
  return states;
}

const steps = (states: readonly CurrentObjects[]) =>
  states.slice(1).map((after, index) => [states[index] ?? after, after] as const);

const foreign = (current: CurrentObjects): KubeObject[] =>
  [...current.services, ...current.slices].filter((object) => !isOurs(object, OWNER));

const plans: readonly [string, (input: RouteInput) => RoutePlan][] = [
  ['planRoutes', planRoutes],
  ['planDrain', planDrain],
];

describe.each(plans)('whatever is published already, %s', (_, plan) => {
  it('never puts a second member behind the read-write Service, nor any but the target (I1)', () => {
    fc.assert(
      fc.property(world, (input) => {
        for (const [before, after] of steps(history(input, plan))) {
          const [was, is] = [membersBehind(before), membersBehind(after)];
          const added = [...is].filter((member) => !was.has(member));
          expect(added.every((member) => member === input.target.primary)).toBe(true);
          if (is.size > 1) expect(added).toEqual([]);
        }
      }),
      { numRuns: 400 },
    );
  });

  it('never lets an epoch go down and never writes below one (I10)', () => {
    fc.assert(
      fc.property(world, (input) => {
        const states = history(input, plan);
        if (highestEpoch(input.current, OWNER) > input.target.epoch) expect(states).toHaveLength(1);
        for (const [before, after] of steps(states)) {
          for (const object of after.slices) {
            const old = before.slices.find(({ metadata }) => metadata.name === object.metadata.name);
            if (old !== undefined) expect(epochOf(object)).toBeGreaterThanOrEqual(epochOf(old));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('never touches what is not ours (I12)', () => {
    fc.assert(
      fc.property(world, (input) => {
        const after = history(input, plan).at(-1) ?? input.current;
        expect(foreign(after)).toEqual(foreign(input.current));
      }),
      { numRuns: 300 },
    );
  });

  it('settles within three rounds', () => {
    fc.assert(
      fc.property(world, (input) => {
        const after = history(input, plan).at(-1) ?? input.current;
        expect(plan({ ...input, current: after }).writes).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a world with nothing foreign in it', () => {
  /** Whatever is left of ours, the target is above all of it and every address is known. */
  const ownWorld = world.map((input): RouteInput => {
    const slices = input.current.slices.filter((object) => isOurs(object, OWNER));
    const services = [service('orders-rw', usable, OWNER.name), service('orders-ro', usable, null)];
    return {
      ...input,
      addresses: ADDRESSES,
      target: { ...input.target, epoch: 12 },
      current: { ...input.current, slices, services },
    };
  });

  it('ends in sync, with writes leading to the primary alone', () => {
    fc.assert(
      fc.property(ownWorld, (input) => {
        const after = history(input, planRoutes).at(-1) ?? input.current;
        expect(planRoutes({ ...input, current: after })).toEqual({ writes: [], problems: [], inSync: true });
        expect([...membersBehind(after)]).toEqual(input.target.primary === null ? [] : [input.target.primary]);
      }),
      { numRuns: 200 },
    );
  });

  it('leads writes nowhere after a drain, at the new epoch', () => {
    fc.assert(
      fc.property(ownWorld, (input) => {
        const after = history(input, planDrain).at(-1) ?? input.current;
        expect(membersBehind(after).size).toBe(0);
        const drained = after.slices.filter(
          (object) => object.metadata.labels?.['kubernetes.io/service-name'] === 'orders-rw',
        );
        for (const object of drained) expect(object.metadata.annotations?.[EPOCH_ANNOTATION]).toBe('12');
      }),
      { numRuns: 200 },
    );
  });
});
