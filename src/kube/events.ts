/**
 * Event recorder: `record` returns at once and never throws; one worker writes, so that Events keep their order.
 *
 * The same event again within six minutes of the last time is counted in the first one's series, which is written at
 * most every ten seconds; `flush` writes what is outstanding. Bounded: per object a bucket of 25 new Events and one more
 * every 30 s; over all objects 100 and ten a second; 200 waiting writes; 1000 remembered series.
 */
import { RESOURCES } from '../api/resources.ts';
import type { Clock, Random } from '../ports/clock.ts';
import { KubeError, type KubeEvent } from '../ports/kube.ts';
import { eventObject, seriesKey, seriesPatch } from './event-objects.ts';
import type { KubeObserver, LostEvent } from './kube-observer.ts';
import type { RestClient } from './rest-client.ts';
import { TokenBucket } from './token-bucket.ts';

/** client-go's: a series ends six minutes after its last event. */
const SERIES_LIFE_MS = 360_000;
const SERIES_WRITE_MS = 10_000;
const WAITING_LIMIT = 200;
const SERIES_LIMIT = 1_000;
const BUCKETS_LIMIT = 1_000;
const OBJECT_BUCKET = { burst: 25, refillMs: 30_000 };
const GLOBAL_BUCKET = { burst: 100, refillMs: 100 };
const DEADLINE_MS = 5_000;
/** Waits before the second and third attempt; after that the Event is lost. */
const RETRY_DELAYS_MS = [1_000, 3_000];

export interface RecorderParts {
  readonly client: Pick<RestClient, 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: KubeObserver;
  /** Which process says it, e.g. the pod's name. */
  readonly instance: string;
}

interface Series {
  readonly key: string;
  readonly event: KubeEvent;
  readonly name: string;
  readonly firstAt: number;
  lastAt: number;
  lastAtMs: number;
  count: number;
  /** Occurrences that the API server knows; 0 before the Event exists. */
  written: number;
  writtenAtMs: number;
  queued: boolean;
  /** Ends the wait for the next write of the series; null when none is planned. */
  cancel: (() => void) | null;
}

export class EventRecorder {
  readonly #parts: RecorderParts;
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #all: TokenBucket;
  readonly #stopped = new AbortController();
  #waiting: Series[] = [];
  #working: Promise<void> | null = null;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
    this.#all = new TokenBucket(parts.clock, GLOBAL_BUCKET.burst, GLOBAL_BUCKET.refillMs);
  }

  record(event: KubeEvent): void {
    const { clock } = this.#parts;
    if (this.#stopped.signal.aborted) return;
    const key = seriesKey(event);
    const known = this.#series.get(key);
    if (known !== undefined && clock.monotonicMs() - known.lastAtMs < SERIES_LIFE_MS) {
      this.#countAgain(known);
      return;
    }
    if (!this.#mayCreate(event)) return;
    const nowMs = clock.monotonicMs();
    const at = clock.now();
    const name = eventName(event, at, this.#parts.random);
    const times = { firstAt: at, lastAt: at, lastAtMs: nowMs, writtenAtMs: nowMs };
    const series: Series = { key, event, name, ...times, count: 1, written: 0, queued: false, cancel: null };
    this.#series.delete(key);
    this.#series.set(key, series);
    dropOldest(this.#series, SERIES_LIMIT);
    this.#enqueue(series);
  }

  /** Writes what is outstanding, for at most `deadlineMs`; afterwards nothing is recorded any more. */
  async flush(deadlineMs: number): Promise<void> {
    const { clock } = this.#parts;
    for (const series of this.#series.values()) {
      series.cancel?.();
      series.cancel = null;
      if (series.count > series.written) this.#enqueue(series);
    }
    const cancel = clock.after(deadlineMs, () => this.#stopped.abort());
    await this.#working;
    cancel();
    this.#stopped.abort();
  }

  #countAgain(series: Series): void {
    const { clock } = this.#parts;
    series.count += 1;
    series.lastAt = clock.now();
    series.lastAtMs = clock.monotonicMs();
    // Before the Event exists the worker will see the new count by itself.
    if (series.written > 0) this.#planWrite(series);
  }

  /** That something repeats is told at once, how often a little later. */
  #planWrite(series: Series): void {
    const { clock } = this.#parts;
    if (series.cancel !== null || series.queued) return;
    const waitMs = series.written === 1 ? 0 : series.writtenAtMs + SERIES_WRITE_MS - clock.monotonicMs();
    series.cancel = clock.after(Math.max(0, waitMs), () => {
      series.cancel = null;
      this.#enqueue(series);
    });
  }

  #mayCreate(event: KubeEvent): boolean {
    const object = event.regarding.metadata.uid ?? nameOf(event);
    let bucket = this.#buckets.get(object);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#parts.clock, OBJECT_BUCKET.burst, OBJECT_BUCKET.refillMs);
      this.#buckets.set(object, bucket);
      dropOldest(this.#buckets, BUCKETS_LIMIT);
    }
    if (bucket.take() && this.#all.take()) return true;
    this.#tell(event, 'RateLimited', 'too many events');
    return false;
  }

  #enqueue(series: Series): void {
    if (series.queued || this.#stopped.signal.aborted) return;
    series.queued = true;
    this.#waiting.push(series);
    if (this.#waiting.length > WAITING_LIMIT) {
      const dropped = this.#waiting.shift();
      if (dropped !== undefined) {
        dropped.queued = false;
        this.#lose(dropped, 'Overflow', 'too many events wait to be written');
      }
    }
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    for (let series = this.#waiting.shift(); series !== undefined; series = this.#waiting.shift()) {
      series.queued = false;
      if (!this.#stopped.signal.aborted) await this.#writeWithRetries(series);
    }
    this.#working = null;
  }

  async #writeWithRetries(series: Series): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#stopped;
    for (const delayMs of [...RETRY_DELAYS_MS, null]) {
      const error = await this.#write(series);
      if (error === null) return;
      if (error.code !== 'Unavailable' || delayMs === null || signal.aborted) {
        this.#lose(series, 'Failed', error.message);
        return;
      }
      // Rejects only at shutdown; the next attempt then fails at once and is reported.
      await clock.sleep(delayMs, signal).catch(() => undefined);
    }
  }

  /** Null: written. */
  async #write(series: Series): Promise<KubeError | null> {
    const { client, clock, instance } = this.#parts;
    const options = { signal: this.#stopped.signal, deadlineMs: DEADLINE_MS };
    const { event, name, firstAt, lastAt, count } = series;
    const namespace = event.regarding.metadata.namespace ?? 'default';
    try {
      if (series.written === 0) {
        const object = eventObject(event, { name, instance, firstAt, lastAt, count });
        await client.create(RESOURCES.event, namespace, object, options);
      } else {
        await client.mergePatch(RESOURCES.event, { namespace, name }, seriesPatch(count, lastAt), options);
      }
    } catch (error) {
      const failure =
        error instanceof KubeError ? error : new KubeError('Unavailable', 'unexpected', null, { cause: error });
      // Our first attempt arrived although its answer did not.
      if (failure.code !== 'AlreadyExists') return failure;
    }
    series.written = count;
    series.writtenAtMs = clock.monotonicMs();
    if (series.count > series.written) this.#planWrite(series);
    return null;
  }

  /** Forgotten too, so that the next occurrence begins a new Event (this one may have expired in the API server). */
  #lose(series: Series, why: LostEvent['why'], message: string): void {
    if (this.#series.get(series.key) === series) this.#series.delete(series.key);
    this.#tell(series.event, why, message);
  }

  #tell(event: KubeEvent, why: LostEvent['why'], message: string): void {
    this.#parts.observer.eventLost({ reason: event.reason, object: nameOf(event), why, message });
  }
}

function nameOf(event: KubeEvent): string {
  const { namespace, name } = event.regarding.metadata;
  return `${namespace}/${name}`;
}

/** Unique among the Events of one object: time and chance, in hexadecimal as client-go writes it. */
function eventName(event: KubeEvent, at: number, random: Random): string {
  const chance = Math.floor(random() * 0x10000)
    .toString(16)
    .padStart(4, '0');
  // Names end at 253 characters.
  const object = (event.regarding.metadata.name ?? 'unknown').slice(0, 220).replace(/[.-]+$/, '');
  return `${object}.${at.toString(16)}${chance}`;
}

function dropOldest(map: Map<string, unknown>, limit: number): void {
  if (map.size <= limit) return;
  const oldest = map.keys().next();
  if (oldest.done !== true) map.delete(oldest.value);
}
