import type { LeaseRecord, LeaseStore, StoredLease } from '../../src/kube/lease-store.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { type CallOptions, KubeError } from '../../src/ports/kube.ts';

type Verb = 'read' | 'create' | 'replace';
/** `LoseAnswer`: the write happens, its answer never comes. */
export type LeaseFault = KubeError | 'Silence' | 'LoseAnswer';

/** One Lease in memory, with compare-and-set like the API server's. Each candidate has its own way to it, that may fail. */
export class FakeLease {
  stored: StoredLease | null = null;
  /** Every successful write, for what tests want to count. */
  readonly writes: { readonly by: string; readonly record: LeaseRecord; readonly atMs: number }[] = [];
  readonly #clock: Clock;
  #version = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  delete(): void {
    this.stored = null;
  }

  /** Somebody edits the Lease by hand. */
  overwrite(fields: Partial<LeaseRecord>): void {
    const now = this.#clock.now();
    const base = { holder: null, durationMs: 15_000, transitions: 0, acquiredAt: now, renewedAt: now };
    this.write('somebody', { ...(this.stored ?? base), ...fields });
  }

  write(by: string, record: LeaseRecord): StoredLease {
    this.#version += 1;
    const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'lease' } };
    this.stored = { ...record, resourceVersion: String(this.#version), object };
    this.writes.push({ by, record, atMs: this.#clock.monotonicMs() });
    return this.stored;
  }
}

export class FakeLeaseStore implements LeaseStore {
  /** Answers of this candidate's requests; consulted for each request until it returns null. */
  fault: (verb: Verb) => LeaseFault | null = () => null;
  readonly calls: Verb[] = [];
  readonly #lease: FakeLease;
  readonly #name: string;

  constructor(lease: FakeLease, name: string) {
    this.#lease = lease;
    this.#name = name;
  }

  read(options: CallOptions): Promise<StoredLease | null> {
    return this.#answer('read', options, () => this.#lease.stored);
  }

  create(record: LeaseRecord, options: CallOptions): Promise<StoredLease> {
    return this.#answer('create', options, () => {
      if (this.#lease.stored !== null) throw new KubeError('AlreadyExists', 'already exists', 409);
      return this.#lease.write(this.#name, record);
    });
  }

  replace(previous: StoredLease, record: LeaseRecord, options: CallOptions): Promise<StoredLease> {
    return this.#answer('replace', options, () => {
      const { stored } = this.#lease;
      if (stored === null) throw new KubeError('NotFound', 'not found', 404);
      if (stored.resourceVersion !== previous.resourceVersion) throw new KubeError('Conflict', 'modified', 409);
      return this.#lease.write(this.#name, record);
    });
  }

  async #answer<T>(verb: Verb, options: CallOptions, act: () => T): Promise<T> {
    this.calls.push(verb);
    const fault = this.fault(verb);
    if (fault instanceof KubeError) throw fault;
    if (fault === 'Silence') return await untilAborted(options.signal);
    const result = act();
    return fault === 'LoseAnswer' ? await untilAborted(options.signal) : result;
  }
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
