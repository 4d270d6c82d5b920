import { KubeClient, type KubeClientParts } from '../../src/kube/kube-client.ts';
import { loadKubeConfig } from '../../src/kube/kube-config.ts';
import { systemClock } from '../../src/system-clock.ts';
import { RecordingObserver } from './recording-observer.ts';

/** A client of the real API server, as the operator makes it. */
export function realKubeClient(
  kubeconfig: string,
  overrides: Partial<KubeClientParts> = {},
): { readonly client: KubeClient; readonly observer: RecordingObserver } {
  const observer = new RecordingObserver();
  const client = new KubeClient({
    load: () => loadKubeConfig(kubeconfig),
    clock: systemClock,
    random: Math.random,
    observer,
    userAgent: 'database-failover-operator/test',
    instance: 'operator-under-test',
    ...overrides,
  });
  return { client, observer };
}
