import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ProbeFailure } from './probe-failure.ts';

/** A look's whole answer is some kilobytes; a peer that floods must not fill the memory of a process serving many. */
const MAX_REPLY_BYTES = 8 * 2 ** 20;

/**
 * The stream that a `pg` client speaks through: a connection that is already open and, where wanted, encrypted. It
 * adds two things: what the peer sends can never throw out of an event handler (`pg`'s parser throws on messages that
 * PostgreSQL does not send, which would end the process), and the size of an answer is bounded.
 */
export class SessionStream extends Duplex {
  readonly #socket: Socket;
  readonly #inspect: (chunk: Buffer) => void;
  #replyBytes = 0;

  /** @param inspect sees each chunk before the client does; what it throws ends the stream. */
  constructor(socket: Socket, inspect: (chunk: Buffer) => void) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#inspect = inspect;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('end', () => this.push(null));
    socket.once('error', (error) => this.destroy(error));
    socket.once('close', () => this.destroy());
  }

  /** Begins a new answer: its size counts from here. */
  expectReply(): void {
    this.#replyBytes = 0;
  }

  /** `pg` connects its stream itself; this one is connected and only says so. */
  connect(): this {
    queueMicrotask(() => this.emit('connect'));
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  ref(): this {
    this.#socket.ref();
    return this;
  }

  unref(): this {
    this.#socket.unref();
    return this;
  }

  override emit(event: string | symbol, ...values: unknown[]): boolean {
    if (event !== 'data') return super.emit(event, ...values);
    try {
      return super.emit(event, ...values);
    } catch (error) {
      this.destroy(error instanceof ProbeFailure ? error : strangeReply());
      return true;
    }
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #receive(chunk: Buffer): void {
    this.#replyBytes += chunk.length;
    if (this.#replyBytes > MAX_REPLY_BYTES) {
      this.destroy(strangeReply());
      return;
    }
    try {
      this.#inspect(chunk);
    } catch (error) {
      this.destroy(error instanceof Error ? error : strangeReply());
      return;
    }
    if (!this.push(chunk)) this.#socket.pause();
  }
}

function strangeReply(): ProbeFailure {
  return new ProbeFailure({ kind: 'NotPostgres', detail: 'a reply that PostgreSQL does not give' });
}
