import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock, Random } from '../ports/clock.ts';
import type {
  CallOptions,
  KubeEvent,
  KubeObject,
  KubePort,
  ObjectKey,
  Resource,
  WatchEvent,
  WatchHandle,
} from '../ports/kube.ts';
import { CredentialSource } from './credentials.ts';
import { EventRecorder } from './events.ts';
import type { KubeObserver } from './kube-observer.ts';
import { KubeLeaseStore, type LeaseStore } from './lease-store.ts';
import { RestClient } from './rest-client.ts';
import { Transport } from './transport.ts';
import { SupervisedWatch } from './watch.ts';

export interface KubeClientParts {
  /** Called at start and again after a 401; see `loadKubeConfig`. */
  readonly load: () => KubeConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: KubeObserver;
  /** e.g. `database-failover-operator/0.1.0`. */
  readonly userAgent: string;
  /** Which process says an Event, e.g. the pod's name. */
  readonly instance: string;
  /** A watch that brings nothing for so long is opened anew. Default 90 s. */
  readonly watchIdleMs?: number;
}

/** The API server, for the whole process: one set of connections and credentials. */
export class KubeClient implements KubePort {
  readonly #parts: KubeClientParts;
  readonly #transport: Transport;
  readonly #client: RestClient;
  readonly #recorder: EventRecorder;
  readonly #watches = new Set<SupervisedWatch>();

  /** Reads the credentials, so it throws `KubeError` when there are none. */
  constructor(parts: KubeClientParts) {
    const { load, clock, random, observer, userAgent, instance } = parts;
    this.#parts = parts;
    this.#transport = new Transport(new CredentialSource(load, clock), clock, userAgent);
    this.#client = new RestClient(this.#transport, 'call');
    this.#recorder = new EventRecorder({ client: this.#client, clock, random, observer, instance });
  }

  get(resource: Resource, key: ObjectKey, options: CallOptions): Promise<KubeObject | null> {
    return this.#client.get(resource, key, options);
  }

  async list(
    resource: Resource,
    namespace: string | null,
    selector: { readonly labels?: string },
    options: CallOptions,
  ): Promise<readonly KubeObject[]> {
    return (await this.#client.list(resource, namespace, selector, options)).objects;
  }

  apply(
    resource: Resource,
    object: KubeObject,
    options: CallOptions & { readonly force: boolean; readonly subresource?: 'status' },
  ): Promise<KubeObject> {
    return this.#client.apply(resource, object, options);
  }

  create(resource: Resource, object: KubeObject, options: CallOptions): Promise<KubeObject> {
    return this.#client.create(resource, object.metadata.namespace ?? '', object, options);
  }

  mergePatch(
    resource: Resource,
    key: ObjectKey,
    patch: Readonly<Record<string, unknown>>,
    options: CallOptions & { readonly subresource?: 'status' },
  ): Promise<KubeObject> {
    return this.#client.mergePatch(resource, key, patch, options);
  }

  delete(
    resource: Resource,
    key: ObjectKey,
    preconditions: { readonly uid?: string; readonly resourceVersion?: string },
    options: CallOptions,
  ): Promise<boolean> {
    return this.#client.delete(resource, key, preconditions, options);
  }

  watch(
    resource: Resource,
    namespace: string | null,
    selector: { readonly labels?: string },
    listener: (event: WatchEvent) => void,
  ): WatchHandle {
    const { clock, random, observer, watchIdleMs } = this.#parts;
    const idle = watchIdleMs === undefined ? {} : { idleMs: watchIdleMs };
    const parts = { transport: this.#transport, client: this.#client, clock, random, observer, ...idle };
    const watch = new SupervisedWatch(parts, { resource, namespace, labels: selector.labels }, listener).start();
    this.#watches.add(watch);
    return {
      health: () => watch.health(),
      stop: () => {
        this.#watches.delete(watch);
        watch.stop();
      },
    };
  }

  event(event: KubeEvent): void {
    this.#recorder.record(event);
  }

  /** The Lease named `key`, on connections of its own. */
  leaseStore(key: ObjectKey): LeaseStore {
    return new KubeLeaseStore(new RestClient(this.#transport, 'lease'), key);
  }

  /** Writes outstanding Events for at most `flushMs`, then ends watches, calls and connections. */
  async close(flushMs: number): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    this.#watches.clear();
    await this.#recorder.flush(flushMs);
    await this.#transport.close();
  }
}
