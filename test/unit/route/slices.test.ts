import { describe, expect, it, test } from 'vitest';
import { EPOCH_ANNOTATION, PRIMARY_ANNOTATION } from '../../../src/api/resources.ts';
import type { CurrentObjects } from '../../../src/route/contract.ts';
import { observeSlice } from '../../../src/route/observed-objects.ts';
import { planDrain, planRoutes } from '../../../src/route/plan.ts';
import {
  ADDRESSES,
  dual,
  OWNER,
  routeInput,
  service,
  settle,
  settled,
  slice,
} from '../../support/published-objects.ts';
import { serversBehind } from '../../support/servers-behind.ts';

const named = (current: CurrentObjects, name: string) => {
  const found = current.slices.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`no slice ${name}`);
  return found;
};
const sliceNames = (current: CurrentObjects) => current.slices.map(({ metadata }) => metadata.name).sort();
const behind = (current: CurrentObjects, name: string) => serversBehind(current.slices, name);

describe('slices', () => {
  it('are made after the Services, one per Service and family, each with one address per endpoint', () => {
    const current = settled(routeInput(), planRoutes);
    expect(sliceNames(current)).toEqual(['orders-ro-ipv4', 'orders-ro-ipv6', 'orders-rw-ipv4', 'orders-rw-ipv6']);
    expect(named(current, 'orders-rw-ipv4')).toMatchObject({
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.77.0.11'], conditions: { ready: true }, hostname: 'm1' }],
      ports: [{ name: 'postgresql', port: 5432, protocol: 'TCP' }],
      metadata: {
        labels: {
          'kubernetes.io/service-name': 'orders-rw',
          'endpointslice.kubernetes.io/managed-by': 'databasefailover.dbfailover.dev',
          'dbfailover.dev/resource': OWNER.name,
        },
        annotations: { [EPOCH_ANNOTATION]: '1', [PRIMARY_ANNOTATION]: 'm1' },
      },
    });
    expect(behind(current, 'orders-ro')).toEqual([
      '10.77.0.12 5432',
      '10.77.0.13 5432',
      'fd77::12 5432',
      'fd77::13 5432',
    ]);
  });

  it('settle: a second plan has nothing to write and nothing to say', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    expect(planRoutes({ ...input, current })).toEqual({ writes: [], problems: [], inSync: true });
  });

  it('exist only in the families that the Service has', () => {
    const single = service('orders-rw', { ipFamilies: ['IPv4'], ports: [{ port: 5432 }] });
    const current = settled(routeInput({ current: { ...routeInput().current, services: [single] } }), planRoutes);
    expect(sliceNames(current)).toEqual(['orders-ro-ipv4', 'orders-ro-ipv6', 'orders-rw-ipv4']);
  });

  it('hold readers with different ports apart', () => {
    const current = settled(routeInput({ ports: [5432, 5433, 5434] }), planRoutes);
    expect(sliceNames(current)).toContain('orders-ro-ipv4-5434');
    expect(behind(current, 'orders-ro')).toEqual([
      '10.77.0.12 5433',
      '10.77.0.13 5434',
      'fd77::12 5433',
      'fd77::13 5434',
    ]);
  });

  it('for a port that no reader has any more go away', () => {
    const input = routeInput({ ports: [5432, 5433, 5434] });
    const current = settled(input, planRoutes);
    const fewer = settled({ ...input, current, target: { ...input.target, readers: ['m3'] } }, planRoutes);
    expect(sliceNames(fewer)).toEqual(['orders-ro-ipv4', 'orders-ro-ipv6', 'orders-rw-ipv4', 'orders-rw-ipv6']);
    expect(behind(fewer, 'orders-ro')).toEqual(['10.77.0.13 5434', 'fd77::13 5434']);
  });

  it('lead writes nowhere while there is no primary', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const target = { epoch: 2, primary: null, readers: ['m2'] };
    const empty = settled({ ...input, current, target }, planRoutes);
    expect(behind(empty, 'orders-rw')).toEqual([]);
    expect(named(empty, 'orders-rw-ipv4').metadata.annotations).toMatchObject({
      [EPOCH_ANNOTATION]: '2',
      [PRIMARY_ANNOTATION]: '',
    });
    expect(behind(empty, 'orders-ro')).toEqual(['10.77.0.12 5432', 'fd77::12 5432']);
  });

  it('use the route address and port where applications reach the member elsewhere', () => {
    const addresses = new Map([...ADDRESSES, ['m1', dual(99)]]);
    expect(behind(settled(routeInput({ addresses, ports: [6432] }), planRoutes), 'orders-rw')).toEqual([
      '10.77.0.99 6432',
      'fd77::99 6432',
    ]);
  });

  it('follow a new address of the same member in one write per family that is already alone', () => {
    const only4 = new Map([['m1', dual(11).slice(0, 1)]]);
    const input = routeInput({ addresses: only4, target: { readers: [] } });
    const current = settled(input, planRoutes);
    const moved = new Map([['m1', dual(21).slice(0, 1)]]);
    const { writes } = planRoutes({ ...input, current, addresses: moved });
    expect(writes).toHaveLength(1);
    expect(writes[0]).toMatchObject({ force: true, object: { endpoints: [{ addresses: ['10.77.0.21'] }] } });
  });
});

describe('a plan', () => {
  it('writes nothing where an object carries a higher epoch (I10)', () => {
    const input = routeInput();
    const current = settled({ ...input, target: { ...input.target, epoch: 7 } }, planRoutes);
    const stale = { ...input, current, target: { epoch: 6, primary: 'm2', readers: [] } };
    for (const plan of [planRoutes, planDrain]) {
      const { writes, problems, inSync } = plan(stale);
      expect({ writes, inSync }).toEqual({ writes: [], inSync: false });
      expect(problems.map(({ reason }) => reason)).toContain('HigherEpoch');
      expect(problems[0]?.message).toContain('epoch 7');
    }
  });

  it('takes an unreadable epoch for a foreign edit and repairs it', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const slices = current.slices.map((object) => ({
      ...object,
      metadata: { ...object.metadata, annotations: { [EPOCH_ANNOTATION]: '9e99' } },
    }));
    const repaired = settled({ ...input, current: { ...current, slices } }, planRoutes);
    expect(named(repaired, 'orders-rw-ipv4').metadata.annotations?.[EPOCH_ANNOTATION]).toBe('1');
  });

  test.each([
    ['another address', { endpoints: [{ addresses: ['192.0.2.66'] }] }],
    ['a second endpoint', { endpoints: [{ addresses: ['10.77.0.11'] }, { addresses: ['192.0.2.66'] }] }],
    ['no endpoint', { endpoints: [] }],
    ['another port', { ports: [{ name: 'postgresql', port: 1, protocol: 'TCP' }] }],
    ['a port of another name', { ports: [{ name: 'pg', port: 5432, protocol: 'TCP' }] }],
    ['an endpoint that is not ready', { endpoints: [{ addresses: ['10.77.0.11'], conditions: { ready: false } }] }],
  ])('repairs a foreign edit: %s', (_, edit) => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const slices = current.slices.map((object) =>
      object.metadata.name === 'orders-rw-ipv4' ? { ...object, ...edit } : object,
    );
    const plan = planRoutes({ ...input, current: { ...current, slices } });
    expect(plan.writes.map((write) => write.kind === 'Apply' && write.object.metadata.name)).toEqual([
      'orders-rw-ipv4',
    ]);
    expect(behind(settled({ ...input, current: { ...current, slices } }, planRoutes), 'orders-rw')).toEqual([
      '10.77.0.11 5432',
      'fd77::11 5432',
    ]);
  });

  it('brings back a slice that was deleted and one whose family was changed', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const wrong = slice({ name: 'orders-rw-ipv6', service: 'orders-rw', owner: 'orders', family: 'IPv4' });
    const slices = [...current.slices.filter(({ metadata }) => !metadata.name?.startsWith('orders-rw')), wrong];
    const repaired = settled({ ...input, current: { ...current, slices } }, planRoutes);
    expect(behind(repaired, 'orders-rw')).toEqual(['10.77.0.11 5432', 'fd77::11 5432']);
    expect(observeSlice(named(repaired, 'orders-rw-ipv6')).family).toBe('IPv6');
  });

  it('keeps what is published while no address is known (I9), and says so', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const blind = { ...input, current, addresses: new Map() };
    const plan = planRoutes(blind);
    expect(plan.writes).toEqual([]);
    expect(plan.problems.map(({ reason }) => reason)).toEqual(['AddressMissing', 'AddressMissing', 'AddressMissing']);
    expect(plan.problems[0]?.message).toBe(
      'Service orders-rw: no address of member m1 is known now; the published one stays.',
    );
  });

  it('does not keep another member’s address while none is known', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const target = { epoch: 2, primary: 'm2', readers: [] };
    const after = settled({ ...input, current, addresses: new Map(), target }, planRoutes);
    expect(behind(after, 'orders-rw')).toEqual([]);
  });

  test.each(['127.0.0.1', '169.254.1.1', 'fe80::1', '::1', '0.0.0.0', '224.0.0.1', '::ffff:10.0.0.1'])(
    'does not offer %s to the API server, which would refuse the slice',
    (address) => {
      const family = address.includes(':') ? 'IPv6' : 'IPv4';
      const addresses = new Map([['m1', [{ family, address } as const]]]);
      const current = settled(routeInput(), planRoutes);
      const input = routeInput({ current, addresses, target: { readers: [] } });
      expect(behind(settled(input, planRoutes), 'orders-rw')).toEqual([]);
      const problem = planRoutes(input).problems.find(({ reason }) => reason === 'AddressMissing');
      expect(problem?.message).toContain(`an EndpointSlice cannot hold ${address}`);
    },
  );

  it('says when the Service has no family in which the member is reachable', () => {
    const six = service('orders-rw', { ipFamilies: ['IPv6'], ports: [{ port: 5432 }] });
    const addresses = new Map([['m1', dual(11).slice(0, 1)]]);
    const input = routeInput({ addresses, target: { readers: [] }, routes: { readOnly: undefined } });
    const { problems } = planRoutes({ ...input, current: { ...input.current, services: [six] } });
    expect(problems.map(({ message }) => message)).toEqual([
      'Service orders-rw: member m1 has no IPv6 address, and that is all the Service has.',
    ]);
  });
});

describe('draining', () => {
  it('empties every read-write slice, stamps the epoch and leaves reads as they are', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const drain = { ...input, current, target: { ...input.target, epoch: 2 } };
    const drained = settled(drain, planDrain);
    expect(behind(drained, 'orders-rw')).toEqual([]);
    expect(behind(drained, 'orders-ro')).toEqual(behind(current, 'orders-ro'));
    for (const name of ['orders-rw-ipv4', 'orders-rw-ipv6']) {
      expect(named(drained, name).metadata.annotations).toMatchObject({
        [EPOCH_ANNOTATION]: '2',
        [PRIMARY_ANNOTATION]: '',
      });
    }
    expect(planDrain({ ...drain, current: drained })).toEqual({ writes: [], problems: [], inSync: true });
  });

  it('takes out of the reads who leaves, and nobody else', () => {
    const input = routeInput({ target: { readers: ['m2', 'm3'] } });
    const current = settled(input, planRoutes);
    const drain = { ...input, current, target: { ...input.target, epoch: 2 }, leavers: new Set(['m2']) };
    const drained = settled(drain, planDrain);
    expect(behind(drained, 'orders-rw')).toEqual([]);
    expect(behind(drained, 'orders-ro')).toEqual(['10.77.0.13 5432', 'fd77::13 5432']);
    expect(planDrain({ ...drain, current: drained })).toEqual({ writes: [], problems: [], inSync: true });
  });

  it('leaves a read-only slice that is not as we write it to the next publication', () => {
    const input = routeInput({ target: { readers: ['m2', 'm3'] } });
    const published = settled(input, planRoutes);
    const nameless = published.slices.map((one) =>
      one.metadata.name === 'orders-ro-ipv4' ? { ...one, endpoints: [{ addresses: ['10.77.0.12'] }] } : one,
    );
    const current = { ...published, slices: nameless };
    const drain = { ...input, current, target: { ...input.target, epoch: 2 }, leavers: new Set(['m2']) };
    expect(behind(settled(drain, planDrain), 'orders-ro')).toEqual(['10.77.0.12 5432', 'fd77::13 5432']);
  });

  it('reaches the slices of a Service that the spec has just dropped', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const renamed = routeInput({ current, routes: { readWrite: { service: 'orders-main' } }, target: { epoch: 2 } });
    expect(behind(settled(renamed, planDrain), 'orders-rw')).toEqual([]);
  });

  it('needs no usable Service', () => {
    const input = routeInput();
    const current = { ...settled(input, planRoutes), services: [] };
    expect(
      behind(settled({ ...input, current, target: { ...input.target, epoch: 2 } }, planDrain), 'orders-rw'),
    ).toEqual([]);
  });

  it('does not keep a member’s address because none is known', () => {
    const input = routeInput();
    const current = settled(input, planRoutes);
    const blind = { ...input, current, addresses: new Map(), target: { ...input.target, epoch: 2 } };
    expect(behind(settled(blind, planDrain), 'orders-rw')).toEqual([]);
  });
});

describe('a Service that cannot be used', () => {
  const input = routeInput();
  const before = settled(input, planRoutes);
  const headless = service('orders-rw', { clusterIP: 'None', clusterIPs: ['None'], ports: [{ port: 5432 }] });
  const services = [...before.services.filter(({ metadata }) => metadata.name !== 'orders-rw'), headless];

  it('keeps the slices that lead to the primary', () => {
    const plan = planRoutes({ ...input, current: { ...before, services } });
    expect(plan.writes).toEqual([]);
    expect(plan.problems.map(({ reason }) => reason)).toEqual(['ServiceNotUsable']);
  });

  it('still loses those that lead elsewhere', () => {
    const target = { epoch: 2, primary: 'm2', readers: ['m3'] };
    const states = settle({ ...input, target, current: { ...before, services } }, planRoutes);
    expect(behind(states.at(-1) ?? before, 'orders-rw')).toEqual([]);
    expect(sliceNames(states.at(-1) ?? before)).toEqual(sliceNames(before));
  });
});
