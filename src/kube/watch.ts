/**
 * A watch that does not end.
 *
 * Loop: list (emits `Synced`) -> watch from its resourceVersion -> on any end wait, then resume from the last version
 * seen, or list again. Listed again: after 410, after an `ERROR` frame, after a line that cannot be read, and every 5-10
 * minutes in any case, because events have been seen to go missing silently.
 * Wait: 0.2 s doubling to 30 s; starts anew after an event, a bookmark, or a stream that stayed open for 30 s (a quiet
 * watch on a server without bookmarks must not become slower and slower).
 * Ignored: frames of unknown type, exceptions of the listener (reported). Only `stop` ends it.
 */
import type { Clock, Random } from '../ports/clock.ts';
import { KubeError, type WatchEvent, type WatchHandle, type WatchHealth } from '../ports/kube.ts';
import { backoffMs } from './backoff.ts';
import type { KubeObserver, WatchEnd } from './kube-observer.ts';
import type { RestClient } from './rest-client.ts';
import { errorFromFrame } from './status-errors.ts';
import type { Transport } from './transport.ts';
import { MalformedStreamError, readWatch, SilentStreamError, type WatchTarget } from './watch-stream.ts';
import type { WatchFrame } from './wire-objects.ts';

/** client-go's range for the life of one watch request; our relist uses the same. */
const LIFE_MIN_MS = 300_000;
const LIFE_SPREAD_MS = 300_000;
/** Bookmarks come about each minute; three halves of it. */
const DEFAULT_IDLE_MS = 90_000;
const LIST_DEADLINE_MS = 30_000;
/** A list that failed while a version is at hand is tried again later; the watch goes on meanwhile. */
const RELIST_RETRY_MS = 60_000;
const LONG_ENOUGH_MS = 30_000;

export interface WatchParts {
  readonly transport: Transport;
  readonly client: RestClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: KubeObserver;
  readonly idleMs?: number;
}

/** An end that only a list can heal. */
class FrameError extends Error {
  readonly code = 'WATCH_ERROR_FRAME';
  override readonly cause: KubeError;
  constructor(cause: KubeError) {
    super(cause.message);
    this.cause = cause;
  }
}

export class SupervisedWatch implements WatchHandle {
  readonly #parts: WatchParts;
  readonly #target: WatchTarget;
  readonly #listener: (event: WatchEvent) => void;
  readonly #stopped = new AbortController();
  #resourceVersion: string | null = null;
  #relistAtMs = 0;
  #failures = 0;
  #streams = 0;
  #synced = false;
  #lastEventAtMs: number | null = null;

  constructor(parts: WatchParts, target: WatchTarget, listener: (event: WatchEvent) => void) {
    this.#parts = parts;
    this.#target = target;
    this.#listener = listener;
  }

  start(): this {
    void this.#run();
    return this;
  }

  stop(): void {
    this.#stopped.abort(new KubeError('Unavailable', 'the watch was stopped'));
  }

  health(): WatchHealth {
    return { synced: this.#synced, lastEventAtMs: this.#lastEventAtMs, restarts: Math.max(0, this.#streams - 1) };
  }

  async #run(): Promise<void> {
    const { clock, random } = this.#parts;
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      let failure: unknown = null;
      try {
        await this.#listIfDue();
        if (await this.#stream()) continue;
      } catch (error) {
        failure = error;
      }
      if (signal.aborted) return;
      this.#failures += 1;
      const retryInMs = backoffMs(this.#failures, random);
      this.#report(failure, retryInMs);
      // Rejects only when stopped, which ends the loop.
      await clock.sleep(retryInMs, signal).catch(() => undefined);
    }
  }

  async #listIfDue(): Promise<void> {
    const { client, clock } = this.#parts;
    const { resource, namespace, labels } = this.#target;
    if (this.#resourceVersion !== null && clock.monotonicMs() < this.#relistAtMs) return;
    const selector = labels === undefined ? {} : { labels };
    try {
      const options = { signal: this.#stopped.signal, deadlineMs: LIST_DEADLINE_MS };
      const { objects, resourceVersion } = await client.list(resource, namespace, selector, options);
      if (this.#stopped.signal.aborted) return;
      this.#resourceVersion = resourceVersion;
      this.#relistAtMs = clock.monotonicMs() + this.#lifeMs();
      this.#synced = true;
      this.#emit({ type: 'Synced', objects });
    } catch (error) {
      if (this.#resourceVersion === null) throw error;
      this.#relistAtMs = clock.monotonicMs() + RELIST_RETRY_MS;
      this.#report(error, 0);
    }
  }

  /** True: ended by us because a list is due. */
  async #stream(): Promise<boolean> {
    const { transport, clock, idleMs = DEFAULT_IDLE_MS } = this.#parts;
    if (this.#resourceVersion === null || this.#stopped.signal.aborted) return false;
    this.#streams += 1;
    const startedAtMs = clock.monotonicMs();
    const life = new AbortController();
    const cancel = clock.after(this.#relistAtMs - clock.monotonicMs(), () => life.abort());
    const options = {
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: Math.round(this.#lifeMs() / 1000),
      idleMs,
      signal: AbortSignal.any([life.signal, this.#stopped.signal]),
    };
    try {
      for await (const frame of readWatch(transport, clock, this.#target, options)) {
        if (this.#stopped.signal.aborted) break;
        this.#take(frame);
      }
      return false;
    } catch (error) {
      if (life.signal.aborted) return true;
      if (needsList(error)) this.#resourceVersion = null;
      throw error;
    } finally {
      cancel();
      if (clock.monotonicMs() - startedAtMs >= LONG_ENOUGH_MS) this.#failures = 0;
    }
  }

  #take(frame: WatchFrame): void {
    if (frame.type === 'Error') throw new FrameError(errorFromFrame(frame.status, this.#target.resource));
    this.#failures = 0;
    this.#resourceVersion = frame.resourceVersion;
    if (frame.type === 'Bookmark') this.#lastEventAtMs = this.#parts.clock.monotonicMs();
    else this.#emit({ type: frame.type, object: frame.object });
  }

  #emit(event: WatchEvent): void {
    this.#lastEventAtMs = this.#parts.clock.monotonicMs();
    const failed = (error: unknown): void => this.#parts.observer.listenerFailed(this.#target.resource.plural, error);
    try {
      // A listener declared void may still be async, and its rejection would end the process.
      const result: unknown = this.#listener(event);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #report(failure: unknown, retryInMs: number): void {
    const { resource, namespace } = this.#target;
    const why = endOf(failure);
    const message = failure instanceof Error ? failure.message : 'the API server ended the watch';
    this.#parts.observer.watchInterrupted({ resource: resource.plural, namespace, why, message, retryInMs });
  }

  #lifeMs(): number {
    return LIFE_MIN_MS + LIFE_SPREAD_MS * this.#parts.random();
  }
}

function needsList(error: unknown): boolean {
  if (error instanceof FrameError || error instanceof MalformedStreamError) return true;
  return error instanceof KubeError && error.code === 'Gone';
}

function endOf(failure: unknown): WatchEnd {
  if (failure === null) return 'Closed';
  if (failure instanceof SilentStreamError) return 'Silent';
  if (failure instanceof MalformedStreamError) return 'Malformed';
  const error = failure instanceof FrameError ? failure.cause : failure;
  return error instanceof KubeError && error.code === 'Gone' ? 'Gone' : 'Failed';
}
