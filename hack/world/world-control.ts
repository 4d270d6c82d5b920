import type { MinSyncPeriod } from './control-plane-commands.ts';
import type { DnsScript } from './dns-server.ts';
import type { WorldDescription } from './world-description.ts';

/** Restarting the API server takes seconds. */
const TIMEOUT_MS = 130_000;

/** Acts on what the world's own process runs; see control-endpoint.ts. Every call resolves when it is done. */
export interface WorldControl {
  /** SIGKILL. */
  stopApiServer(): Promise<void>;
  /** Resolves when it is ready again. */
  startApiServer(): Promise<void>;
  freezeApiServer(): Promise<void>;
  thawApiServer(): Promise<void>;
  setMinSyncPeriod(period: MinSyncPeriod): Promise<void>;
  /** Names of the world's DNS server; a test that needs a server of its own starts one by `startDnsServer`. */
  setName(name: string, script: DnsScript): Promise<void>;
  forgetName(name: string): Promise<void>;
}

export function worldControl(world: Pick<WorldDescription, 'control'>): WorldControl {
  const send = async (method: string, path: string, body?: unknown): Promise<void> => {
    const answer = await fetch(new URL(path, world.control), {
      method,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  };
  const name = (host: string): string => `/dns/${encodeURIComponent(host)}`;
  return {
    stopApiServer: () => send('POST', '/apiserver/stop'),
    startApiServer: () => send('POST', '/apiserver/start'),
    freezeApiServer: () => send('POST', '/apiserver/freeze'),
    thawApiServer: () => send('POST', '/apiserver/thaw'),
    setMinSyncPeriod: (period) => send('POST', `/kube-proxy/min-sync-period/${period}`),
    setName: (host, script) => send('PUT', name(host), script),
    forgetName: (host) => send('DELETE', name(host)),
  };
}
