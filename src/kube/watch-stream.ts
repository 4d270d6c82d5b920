import type { Readable } from 'node:stream';
import type { Clock } from '../ports/clock.ts';
import { KubeError, type Resource } from '../ports/kube.ts';
import { collectionPath, withQuery } from './resource-paths.ts';
import { errorFromAnswer } from './status-errors.ts';
import { discard, readText, type Transport } from './transport.ts';
import { parseJson, parseWatchFrame, type WatchFrame } from './wire-objects.ts';

/** etcd refuses objects above 1.5 MiB; a longer line is no object. */
const LINE_LIMIT_BYTES = 8 * 1024 * 1024;
const LINE_FEED = 0x0a;
const HEADERS_DEADLINE_MS = 10_000;

export interface WatchTarget {
  readonly resource: Resource;
  readonly namespace: string | null;
  readonly labels: string | undefined;
}

/** Nothing came for the inactivity bound. */
export class SilentStreamError extends Error {
  readonly code = 'WATCH_SILENT';
}

/** A line that is no watch event: what it said is lost, so only a list can tell. */
export class MalformedStreamError extends Error {
  readonly code = 'WATCH_MALFORMED';
}

/**
 * One watch request. Yields frames until the API server ends it; throws `KubeError` when it is refused or breaks,
 * `SilentStreamError` after `idleMs` without a byte, `MalformedStreamError` for a broken line.
 */
export async function* readWatch(
  transport: Transport,
  clock: Clock,
  target: WatchTarget,
  options: {
    readonly resourceVersion: string;
    readonly timeoutSeconds: number;
    readonly idleMs: number;
    readonly signal: AbortSignal;
  },
): AsyncGenerator<WatchFrame, void, undefined> {
  const path = withQuery(collectionPath(target.resource, target.namespace), {
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: options.resourceVersion,
    timeoutSeconds: String(options.timeoutSeconds),
    labelSelector: target.labels,
  });
  const limit = { deadlineMs: HEADERS_DEADLINE_MS, signal: options.signal };
  const stream = await transport.stream({ lane: 'watch', method: 'GET', path }, limit);
  const idle = new IdleGuard(clock, options.idleMs, stream.body);
  try {
    if (stream.status !== 200) {
      throw errorFromAnswer(stream.status, await jsonOf(stream.body), target.resource);
    }
    for await (const line of linesOf(stream.body, () => idle.alive())) {
      const frame = parseLine(line, target.resource);
      if (frame !== null) yield frame;
    }
  } catch (error) {
    throw idle.expired ? new SilentStreamError(`nothing came for ${options.idleMs} ms`) : asStreamError(error);
  } finally {
    idle.stop();
    discard(stream.body);
  }
}

/** Destroys the stream when nothing came for `idleMs`: a half-open connection gives no other sign. */
class IdleGuard {
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #body: Readable;
  #cancel: () => void;
  expired = false;

  constructor(clock: Clock, idleMs: number, body: Readable) {
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#body = body;
    this.#cancel = this.#arm();
  }

  alive(): void {
    this.#cancel();
    this.#cancel = this.#arm();
  }

  stop(): void {
    this.#cancel();
  }

  #arm(): () => void {
    return this.#clock.after(this.#idleMs, () => {
      this.expired = true;
      this.#body.destroy(new SilentStreamError('silent'));
    });
  }
}

async function* linesOf(body: Readable, onBytes: () => void): AsyncGenerator<string, void, undefined> {
  let pending: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    onBytes();
    let bytes = Buffer.from(chunk);
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED)) {
      // Decoded as a whole: a character may be cut in two by the chunks.
      const line = Buffer.concat([...pending, bytes.subarray(0, end)]).toString('utf8');
      pending = [];
      size = 0;
      bytes = bytes.subarray(end + 1);
      if (line.trim() !== '') yield line;
    }
    pending.push(bytes);
    size += bytes.length;
    if (size > LINE_LIMIT_BYTES) throw new MalformedStreamError('a line longer than 8 MiB');
  }
  if (size > 0) throw new MalformedStreamError('the last line is not whole');
}

function parseLine(line: string, resource: Resource): WatchFrame | null {
  try {
    return parseWatchFrame(line, resource);
  } catch (error) {
    throw new MalformedStreamError('a line that is no watch event', { cause: error });
  }
}

async function jsonOf(body: Readable): Promise<unknown> {
  try {
    return parseJson(await readText(body));
  } catch {
    // The status says enough where the refusal is not readable.
    return null;
  }
}

function asStreamError(error: unknown): Error {
  if (error instanceof KubeError || error instanceof MalformedStreamError) return error;
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'broken';
  return new KubeError('Unavailable', `the watch broke off: ${code}`, null, { cause: error });
}
