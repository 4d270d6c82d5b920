import {
  type CallOptions,
  KubeError,
  type KubeEvent,
  type KubeObject,
  type KubePort,
  type ObjectKey,
  type Resource,
  type WatchEvent,
  type WatchHandle,
} from '../../src/ports/kube.ts';
import type { FakeCluster } from './fake-cluster.ts';

export type KubeVerb = 'get' | 'list' | 'create' | 'apply' | 'patch' | 'delete';

export interface KubeCall {
  readonly verb: KubeVerb;
  readonly plural: string;
  /** Of a list: empty. */
  readonly name: string;
  readonly subresource: 'status' | null;
  /** What was sent; null for reads. */
  readonly sent: KubeObject | Readonly<Record<string, unknown>> | null;
}

/** `LoseAnswer`: it is carried out and the answer never comes. */
export type KubeFault = KubeError | 'LoseAnswer';

/** One process's way to the cluster. */
export class FakeKube implements KubePort {
  readonly calls: KubeCall[] = [];
  readonly events: KubeEvent[] = [];
  /** Asked before each call is carried out; may change the cluster, as somebody else would at that moment. */
  fault: (call: KubeCall) => KubeFault | null = () => null;
  readonly #cluster: FakeCluster;
  readonly #stops: (() => void)[] = [];

  constructor(cluster: FakeCluster) {
    this.#cluster = cluster;
  }

  get(resource: Resource, key: ObjectKey, options: CallOptions): Promise<KubeObject | null> {
    const call = { verb: 'get', plural: resource.plural, name: key.name, subresource: null, sent: null } as const;
    return this.#answer(call, options, () => this.#cluster.read(resource, key));
  }

  list(
    resource: Resource,
    namespace: string | null,
    { labels }: { readonly labels?: string },
    options: CallOptions,
  ): Promise<readonly KubeObject[]> {
    const call = { verb: 'list', plural: resource.plural, name: '', subresource: null, sent: null } as const;
    return this.#answer(call, options, () => this.#cluster.list(resource, namespace, labels));
  }

  apply(
    resource: Resource,
    object: KubeObject,
    options: CallOptions & { readonly force: boolean; readonly subresource?: 'status' },
  ): Promise<KubeObject> {
    const { name = '' } = object.metadata;
    const subresource = options.subresource ?? null;
    const call = { verb: 'apply', plural: resource.plural, name, subresource, sent: object } as const;
    return this.#answer(call, options, () => this.#cluster.apply(resource, object, subresource));
  }

  create(resource: Resource, object: KubeObject, options: CallOptions): Promise<KubeObject> {
    const { name = '' } = object.metadata;
    const call = { verb: 'create', plural: resource.plural, name, subresource: null, sent: object } as const;
    return this.#answer(call, options, () => this.#cluster.create(resource, object));
  }

  mergePatch(
    resource: Resource,
    key: ObjectKey,
    patch: Readonly<Record<string, unknown>>,
    options: CallOptions & { readonly subresource?: 'status' },
  ): Promise<KubeObject> {
    const subresource = options.subresource ?? null;
    const call = { verb: 'patch', plural: resource.plural, name: key.name, subresource, sent: patch } as const;
    return this.#answer(call, options, () => this.#cluster.patch(resource, key, patch));
  }

  delete(
    resource: Resource,
    key: ObjectKey,
    preconditions: { readonly uid?: string; readonly resourceVersion?: string },
    options: CallOptions,
  ): Promise<boolean> {
    const call = { verb: 'delete', plural: resource.plural, name: key.name, subresource: null, sent: null } as const;
    return this.#answer(call, options, () => this.#cluster.delete(resource, key, preconditions));
  }

  watch(
    resource: Resource,
    namespace: string | null,
    { labels }: { readonly labels?: string },
    listener: (event: WatchEvent) => void,
  ): WatchHandle {
    const stop = this.#cluster.watch({ resource, namespace, labels, listener });
    this.#stops.push(stop);
    return { health: () => ({ synced: true, lastEventAtMs: null, restarts: 0 }), stop };
  }

  event(event: KubeEvent): void {
    this.events.push(event);
  }

  /** The process is gone: no watch tells it anything any more, and no call of it arrives. */
  cutOff(): void {
    for (const stop of this.#stops) stop();
    this.fault = () => new KubeError('Unavailable', 'the process is gone');
  }

  async #answer<T>(call: KubeCall, { signal }: CallOptions, act: () => T): Promise<T> {
    await Promise.resolve();
    if (signal.aborted) throw new KubeError('Unavailable', `${call.verb}: given up by the caller`);
    this.calls.push(call);
    const fault = this.fault(call);
    if (fault instanceof KubeError) throw fault;
    const result = act();
    if (fault === 'LoseAnswer') throw new KubeError('Unavailable', `${call.verb}: no answer within 5000 ms`);
    await Promise.resolve();
    return result;
  }
}
