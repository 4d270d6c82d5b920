import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiTarget, apiRequest } from './api-request.ts';
import {
  apiServerCommand,
  type ControlPlaneSetup,
  controllerManagerCommand,
  etcdCommand,
  type MinSyncPeriod,
  NODE_NAME,
  NODE_OBJECT,
  NODE_STATUS,
  PROXY_HEALTH,
  proxyCommand,
} from './control-plane-commands.ts';
import { API_SERVER } from './control-plane-files.ts';
import { freezeTree, thawTree } from './process-tree.ts';
import { type ServerProcess, startServer, waitUntilReady } from './server-process.ts';

const START_DEADLINE_MS = 120_000;
const STOP_DEADLINE_MS = 15_000;

/** The running control plane; owned by the world's own process, reached by tests through the control endpoint. */
export interface ControlPlane {
  readonly apiServer: string;
  readonly kubeconfig: string;
  /** SIGKILL: watches end by reset, new connections are refused. */
  stopApiServer(): Promise<void>;
  /** Resolves when it is ready. No effect when it runs. */
  startApiServer(): Promise<void>;
  freezeApiServer(): void;
  thawApiServer(): void;
  /** Restarts kube-proxy; the rules in force stay meanwhile. */
  setMinSyncPeriod(period: MinSyncPeriod): Promise<void>;
  /** Rejects with a sentence when a server ended that nobody stopped. */
  readonly failed: Promise<never>;
}

export interface ControlPlaneOptions {
  /** False: no kube-proxy, ClusterIPs lead nowhere. */
  readonly proxy: boolean;
  readonly minSyncPeriod: MinSyncPeriod;
}

export async function startControlPlane(setup: ControlPlaneSetup, options: ControlPlaneOptions): Promise<ControlPlane> {
  await mkdir(setup.runDir, { recursive: true });
  const target: ApiTarget = { server: API_SERVER, ca: setup.files.ca, token: setup.files.adminToken };
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  failed.catch(() => {}); // whoever owns the world awaits it; until then a failure is not unhandled
  const expected = new Set<ServerProcess>();
  const guard = (server: ServerProcess): ServerProcess => {
    void server.ended.then((how) => {
      if (!expected.has(server)) fail(new Error(`${server.name} ended unexpectedly (${how}):\n${server.logTail()}`));
    });
    return server;
  };

  const startApiServer = async (): Promise<ServerProcess> => {
    const server = guard(await startServer(apiServerCommand(setup)));
    await waitUntilReady(server, () => isReady(target), START_DEADLINE_MS);
    return server;
  };
  const startProxy = async (period: MinSyncPeriod): Promise<ServerProcess> => {
    const server = guard(await startServer(proxyCommand(setup, period)));
    await waitUntilReady(server, proxyIsHealthy, START_DEADLINE_MS);
    return server;
  };

  guard(await startServer(etcdCommand(setup)));
  let apiServer = await startApiServer();
  await createNode(target);
  guard(await startServer(controllerManagerCommand(setup)));
  const [firstProxy] = await Promise.all([
    options.proxy ? startProxy(options.minSyncPeriod) : null,
    waitForDefaultAccount(target),
  ]);
  let proxy: ServerProcess | null = firstProxy;

  return {
    apiServer: API_SERVER,
    kubeconfig: setup.files.kubeconfig('admin'),
    failed,
    async stopApiServer() {
      expected.add(apiServer);
      await apiServer.kill();
    },
    async startApiServer() {
      if (apiServer.hasEnded()) apiServer = await startApiServer();
    },
    freezeApiServer: () => void freezeTree(apiServer.pid),
    thawApiServer: () => thawTree(apiServer.pid),
    async setMinSyncPeriod(period) {
      if (proxy === null) throw new Error('this world runs without kube-proxy');
      expected.add(proxy);
      await proxy.stop('SIGTERM', STOP_DEADLINE_MS);
      proxy = await startProxy(period);
    },
  };
}

async function isReady(target: ApiTarget): Promise<boolean> {
  return apiRequest(target, 'GET', '/readyz').then(
    ({ status }) => status === 200,
    () => false, // not listening yet; the deadline of the caller decides
  );
}

async function proxyIsHealthy(): Promise<boolean> {
  return fetch(PROXY_HEALTH, { signal: AbortSignal.timeout(2_000) }).then(
    ({ ok }) => ok,
    () => false, // not listening yet; the deadline of the caller decides
  );
}

async function createNode(target: ApiTarget): Promise<void> {
  await expectStatus(target, 'POST', '/api/v1/nodes', NODE_OBJECT, [201, 409]);
  await expectStatus(target, 'PATCH', `/api/v1/nodes/${NODE_NAME}/status`, NODE_STATUS, [200]);
}

/** Until the controller-manager has made it, no pod or token can be had in `default`. */
async function waitForDefaultAccount(target: ApiTarget): Promise<void> {
  const endsAt = performance.now() + START_DEADLINE_MS;
  while ((await apiRequest(target, 'GET', '/api/v1/namespaces/default/serviceaccounts/default')).status !== 200) {
    if (performance.now() > endsAt) throw new Error('kube-controller-manager made no service account in time');
    await sleep(50);
  }
}

async function expectStatus(
  target: ApiTarget,
  method: string,
  path: string,
  body: unknown,
  wanted: readonly number[],
): Promise<void> {
  const answer = await apiRequest(target, method, path, body);
  if (!wanted.includes(answer.status)) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
}
