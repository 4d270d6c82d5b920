import { KubeConfig } from '@kubernetes/client-node';
import { KubeError } from '../ports/kube.ts';

/** client-node falls back to this when it finds neither a file nor a service account. */
const NOTHING_FOUND = 'http://localhost:8080';

/**
 * Loads from `path`, else as kubectl does: `KUBECONFIG`, `~/.kube/config`, the pod's service account. Reads files
 * synchronously: at start, and again after a 401.
 */
export function loadKubeConfig(path: string | null): KubeConfig {
  const config = new KubeConfig();
  try {
    if (path === null) config.loadFromDefault();
    else config.loadFromFile(path);
  } catch (error) {
    // YAML errors quote the text, which holds tokens: only the kind of error goes on.
    throw new KubeError('Unauthorized', `the kubeconfig cannot be read: ${kindOfError(error)}`);
  }
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || (path === null && server === NOTHING_FOUND)) {
    throw new KubeError('Unauthorized', 'no kubeconfig names a cluster and no service account is mounted');
  }
  return config;
}

/** `ENOENT` and the like, else the error's class; never its message. */
export function kindOfError(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const inner = error instanceof AggregateError ? (error.errors[0] ?? error) : error;
  if (inner instanceof Error && 'code' in inner && typeof inner.code === 'string') return inner.code;
  return error.cause instanceof Error ? kindOfError(error.cause) : error.name;
}
