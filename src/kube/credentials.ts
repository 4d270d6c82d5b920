import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { DispatcherOptions, KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../ports/clock.ts';
import { KubeError } from '../ports/kube.ts';
import { kindOfError } from './kube-config.ts';

/** A broken token makes every call fail: without a pause each would run the credential plugin. */
const RENEW_PAUSE_MS = 1_000;

export interface Credentials {
  readonly server: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly connection: DispatcherOptions;
  /** Changes when the authority, the client certificate or the way to the server changed: connections are then stale. */
  readonly connectionId: string;
  /** Grows with each renewal. */
  readonly generation: number;
}

/**
 * Where requests go and who they are from. client-node does the reading (token files each minute, exec plugins until
 * their expiry); one `KubeConfig` at a time, because it caches credentials by user name.
 */
export class CredentialSource {
  readonly #load: () => KubeConfig;
  readonly #clock: Clock;
  #config: KubeConfig;
  #generation = 1;
  #renewedAtMs: number;
  #reading: Promise<Credentials> | null = null;

  constructor(load: () => KubeConfig, clock: Clock) {
    this.#load = load;
    this.#clock = clock;
    this.#config = load();
    this.#renewedAtMs = clock.monotonicMs() - RENEW_PAUSE_MS;
  }

  /** Shared by simultaneous callers: an exec plugin runs once for all of them. */
  current(): Promise<Credentials> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  /** After a 401 of `generation`: forgets cached tokens, unless somebody else did so since. */
  renew(generation: number): void {
    if (generation !== this.#generation) return;
    if (this.#clock.monotonicMs() - this.#renewedAtMs < RENEW_PAUSE_MS) return;
    this.#config = this.#load();
    this.#generation += 1;
    this.#renewedAtMs = this.#clock.monotonicMs();
    this.#reading = null;
  }

  async #read(): Promise<Credentials> {
    const config = this.#config;
    const generation = this.#generation;
    const cluster = config.getCurrentCluster();
    if (cluster === null) throw new KubeError('Unauthorized', 'the kubeconfig names no cluster');
    const options: RequestOptions = { headers: {} };
    try {
      await config.applyToHTTPSOptions(options);
      const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
      const tls = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
      const connection = config.createDispatcherOptions(cluster, tls);
      const connectionId = createHash('sha256')
        .update(JSON.stringify([cluster.server, connection]))
        .digest('hex');
      return { server: new URL(cluster.server), headers: headersOf(options), connection, connectionId, generation };
    } catch (error) {
      // A plugin's stderr and a file's content may hold what must not be printed.
      throw new KubeError('Unauthorized', `the credentials cannot be read: ${kindOfError(error)}`);
    }
  }
}

function headersOf(options: RequestOptions): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    // Token files end with a line feed, which no header may hold.
    if (value !== undefined) headers[name] = String(value).trim();
  }
  if (typeof options.auth === 'string') headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}
