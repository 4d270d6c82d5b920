/** FailoverRequests whose resource does not exist: kept for a moment, since both may be applied at once, then refused. */
import { parseFailoverRequest } from '../api/parse.ts';
import { API_VERSION, RESOURCES } from '../api/resources.ts';
import type { KubeObject } from '../ports/kube.ts';
import { type Environment, isoTime } from './environment.ts';

export interface OrphanRequests {
  add(key: string, object: KubeObject): void;
  /** The resource has appeared: its requests are its worker's business now. */
  take(key: string): readonly KubeObject[];
  forget(object: KubeObject): void;
  stop(): void;
}

/** `kubectl apply` of a folder creates both within this. */
const PATIENCE_MS = 10_000;

interface Orphan {
  readonly key: string;
  readonly object: KubeObject;
  readonly cancel: () => void;
}

export function createOrphanRequests(env: Environment, exists: (key: string) => boolean): OrphanRequests {
  const orphans = new Map<string, Orphan>();
  const stopping = new AbortController();

  const drop = (uid: string): void => {
    orphans.get(uid)?.cancel();
    orphans.delete(uid);
  };

  const wait = (uid: string, { key, object }: Pick<Orphan, 'key' | 'object'>): void => {
    const cancel = env.clock.after(PATIENCE_MS, () => {
      refuse(uid).catch((error: unknown) => {
        if (stopping.signal.aborted) return;
        wait(uid, { key, object });
        env.log.warn(
          { key, error: error instanceof Error ? error.message : 'unknown' },
          'request could not be refused',
        );
      });
    });
    orphans.set(uid, { key, object, cancel });
  };

  const refuse = async (uid: string): Promise<void> => {
    const orphan = orphans.get(uid);
    if (orphan === undefined || exists(orphan.key)) return;
    if (!env.leadership.isLeader()) {
      // Whoever leads refuses it; should that process die first, it is this one's business.
      wait(uid, orphan);
      return;
    }
    orphans.delete(uid);
    const { name = '', namespace = '', generation = 0 } = orphan.object.metadata;
    const message = `there is no DatabaseFailover ${orphan.key.split('/')[1]} in namespace ${namespace}; create a request for one that exists`;
    const at = isoTime(env.clock.now());
    const condition = {
      reason: 'ResourceNotFound',
      message,
      status: 'False',
      lastTransitionTime: at,
      observedGeneration: generation,
    };
    const status = {
      observedGeneration: generation,
      reason: 'ResourceNotFound',
      message,
      finishedAt: at,
      conditions: [
        { type: 'Accepted', ...condition },
        { type: 'Complete', ...condition },
      ],
    };
    await env.kube.apply(
      RESOURCES.failoverRequest,
      { apiVersion: API_VERSION, kind: RESOURCES.failoverRequest.kind, metadata: { name, namespace, uid }, status },
      { signal: stopping.signal, force: true, subresource: 'status' },
    );
  };

  return {
    add: (key, object) => {
      const { uid = '' } = object.metadata;
      const parsed = parseFailoverRequest(object);
      if (!parsed.ok || parsed.status.finishedAt !== undefined) return;
      drop(uid);
      wait(uid, { key, object });
    },
    take: (key) => {
      const mine = [...orphans.values()].filter((orphan) => orphan.key === key);
      for (const { object } of mine) drop(object.metadata.uid ?? '');
      return mine.map(({ object }) => object);
    },
    forget: (object) => drop(object.metadata.uid ?? ''),
    stop: () => {
      stopping.abort();
      for (const uid of [...orphans.keys()]) drop(uid);
    },
  };
}
