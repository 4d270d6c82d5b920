/** What tests in the fake world do again and again. */
import { KubeError, type KubeObject } from '../../src/ports/kube.ts';
import type { KubeCall } from './fake-kube.ts';
import { NAMESPACE, type Replica, type World } from './fake-world.ts';

export async function adopted(world: World): Promise<void> {
  await world.until('adopted', () => world.status().history?.length === 1 && world.status().attempt === undefined);
}

/** `a` is gone for all to see and `b` was promoted. */
export function failOver(world: World): void {
  world.server('a').kill();
  world.server('b').promote();
}

export async function followed(world: World): Promise<void> {
  failOver(world);
  await world.until('followed', () => world.published().primary === 'b' && world.status().attempt === undefined);
}

/** The API server refuses what this process sends of that kind. */
export function forbid(replica: Replica, plural: string, verbs: readonly KubeCall['verb'][] = ['apply']): void {
  replica.kube.fault = (call) =>
    call.plural === plural && verbs.includes(call.verb)
      ? new KubeError('Forbidden', `${plural} is forbidden`, 403)
      : null;
}

export const isIntent = ({ verb, subresource, sent }: KubeCall): boolean =>
  verb === 'apply' && subresource === 'status' && sent !== null && JSON.stringify(sent).includes('"attempt":');

/** Somebody acts at the moment of a call, before it is carried out; once. Tells whether it has happened. */
export function atFirst(replica: Replica, when: (call: KubeCall) => boolean, act: () => void): () => boolean {
  let isDone = false;
  replica.kube.fault = (call) => {
    if (isDone || !when(call)) return null;
    isDone = true;
    act();
    return null;
  };
  return () => isDone;
}

/** To whom the read-write Service led, one entry per change, from the entry `since` of the history on. */
export function journeyOf(world: World, since: number): readonly string[] {
  const all = world.history().map(({ readWrite }) => readWrite.join());
  return all.slice(since).filter((entry, index) => entry !== all[since + index - 1]);
}

export function foreignSlice(service: string): KubeObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: NAMESPACE,
      name: `foreign-${service}`,
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['192.0.2.99'] }],
    ports: [{ name: 'postgresql', port: 5432, protocol: 'TCP' }],
  };
}
