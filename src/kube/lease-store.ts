import { MANAGED_BY, MANAGED_BY_LABEL, RESOURCES } from '../api/resources.ts';
import { type CallOptions, KubeError, type KubeObject, type ObjectKey } from '../ports/kube.ts';
import { microTime } from './micro-time.ts';
import type { RestClient } from './rest-client.ts';
import { apiVersionOf, isFields, textOrNull } from './wire-objects.ts';

export interface LeaseRecord {
  /** null: released, or never held. */
  readonly holder: string | null;
  readonly durationMs: number;
  /** How often the holder changed. */
  readonly transitions: number;
  /** Wall times of the holder's own clock, in ms since 1970: to be shown, never to be judged by. */
  readonly acquiredAt: number;
  readonly renewedAt: number;
}

export interface StoredLease extends LeaseRecord {
  /** Changes with every write, also by others. */
  readonly resourceVersion: string;
  /** As stored; labels and annotations that others put there survive our writes. */
  readonly object: KubeObject;
}

/** The Lease with compare-and-set: the write of one of two candidates is refused. Rejects with `KubeError`. */
export interface LeaseStore {
  read(options: CallOptions): Promise<StoredLease | null>;
  /** `AlreadyExists` when somebody was faster. */
  create(record: LeaseRecord, options: CallOptions): Promise<StoredLease>;
  /** `Conflict` when it is not `previous` any more. */
  replace(previous: StoredLease, record: LeaseRecord, options: CallOptions): Promise<StoredLease>;
}

/** `client` should have the Lease's own connections. */
export class KubeLeaseStore implements LeaseStore {
  readonly #client: RestClient;
  readonly #key: ObjectKey;

  constructor(client: RestClient, key: ObjectKey) {
    this.#client = client;
    this.#key = key;
  }

  async read(options: CallOptions): Promise<StoredLease | null> {
    const object = await this.#client.get(RESOURCES.lease, this.#key, options);
    return object === null ? null : stored(object);
  }

  async create(record: LeaseRecord, options: CallOptions): Promise<StoredLease> {
    const object: KubeObject = {
      apiVersion: apiVersionOf(RESOURCES.lease),
      kind: RESOURCES.lease.kind,
      metadata: { ...this.#key, labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
      spec: specOf(record),
    };
    return stored(await this.#client.create(RESOURCES.lease, this.#key.namespace, object, options));
  }

  async replace(previous: StoredLease, record: LeaseRecord, options: CallOptions): Promise<StoredLease> {
    const spec = isFields(previous.object.spec) ? previous.object.spec : {};
    const object = { ...previous.object, spec: { ...spec, ...specOf(record) } };
    return stored(await this.#client.replace(RESOURCES.lease, object, options));
  }
}

function specOf(record: LeaseRecord): Record<string, unknown> {
  return {
    holderIdentity: record.holder ?? '',
    leaseDurationSeconds: Math.max(1, Math.ceil(record.durationMs / 1000)),
    leaseTransitions: record.transitions,
    acquireTime: microTime(record.acquiredAt),
    renewTime: microTime(record.renewedAt),
  };
}

function stored(object: KubeObject): StoredLease {
  const spec = isFields(object.spec) ? object.spec : {};
  const { resourceVersion } = object.metadata;
  // A write without it would be one without precondition.
  if (!resourceVersion) throw new KubeError('Unavailable', 'the API server returned a Lease without resourceVersion');
  return {
    holder: textOrNull(spec.holderIdentity),
    durationMs: numberOr(spec.leaseDurationSeconds, 0) * 1000,
    transitions: numberOr(spec.leaseTransitions, 0),
    acquiredAt: timeOf(spec.acquireTime),
    renewedAt: timeOf(spec.renewTime),
    resourceVersion,
    object,
  };
}

function numberOr(value: unknown, fallback: number): number {
  return typeof value === 'number' ? value : fallback;
}

function timeOf(value: unknown): number {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? 0 : at;
}
