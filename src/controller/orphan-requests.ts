/**
 * FailoverRequests whose resource does not exist: kept for a moment, since both may be applied at once, then refused. Finished
 * ones are deleted when their time to live is over, as they are while the resource is there.
 */
import { durationMs } from '../api/duration.ts';
import { parseFailoverRequest } from '../api/parse.ts';
import { API_VERSION, RESOURCES } from '../api/resources.ts';
import type { KubeObject } from '../ports/kube.ts';
import { type Environment, isoTime } from './environment.ts';
import { hasGone } from './requests.ts';

export interface OrphanRequests {
  add(key: string, object: KubeObject): void;
  /** The resource has appeared: its requests are its worker's business now. */
  take(key: string): readonly KubeObject[];
  forget(object: KubeObject): void;
  stop(): void;
}

/** `kubectl apply` of a folder creates both within this. Also the pause after a failure, and while another replica leads. */
const PATIENCE_MS = 10_000;
/** Timers of Node end at once beyond 24.8 days; a time to live may be a year. */
const LONGEST_WAIT_MS = 3_600_000;

interface Orphan {
  readonly key: string;
  readonly object: KubeObject;
  /** Wall time; null: it has not finished. */
  readonly deleteAtMs: number | null;
  readonly cancel: () => void;
}

export function createOrphanRequests(env: Environment, exists: (key: string) => boolean): OrphanRequests {
  const orphans = new Map<string, Orphan>();
  const stopping = new AbortController();

  const drop = (uid: string): void => {
    orphans.get(uid)?.cancel();
    orphans.delete(uid);
  };

  const wait = (uid: string, orphan: Omit<Orphan, 'cancel'>, ms: number): void => {
    const cancel = env.clock.after(Math.min(Math.max(ms, 0), LONGEST_WAIT_MS), () => {
      act(uid).catch((error: unknown) => {
        if (stopping.signal.aborted || orphans.has(uid)) return;
        wait(uid, orphan, PATIENCE_MS);
        env.log.warn(
          { key: orphan.key, error: error instanceof Error ? error.message : 'unknown' },
          `request could not be ${orphan.deleteAtMs === null ? 'refused' : 'deleted'}`,
        );
      });
    });
    orphans.set(uid, { ...orphan, cancel });
  };

  const act = async (uid: string): Promise<void> => {
    const orphan = orphans.get(uid);
    if (orphan === undefined || exists(orphan.key)) return;
    const leftMs = (orphan.deleteAtMs ?? 0) - env.clock.now();
    // Whoever leads does it; should that process die first, it is this one's business.
    if (leftMs > 0 || !env.leadership.isLeader()) {
      wait(uid, orphan, leftMs > 0 ? leftMs : PATIENCE_MS);
      return;
    }
    // What it becomes by this comes back as an event.
    orphans.delete(uid);
    await (orphan.deleteAtMs === null ? refuse(orphan) : remove(orphan));
  };

  const remove = async ({ object }: Orphan): Promise<void> => {
    const { name = '', namespace = '', uid } = object.metadata;
    const preconditions = uid === undefined ? {} : { uid };
    await env.kube.delete(RESOURCES.failoverRequest, { namespace, name }, preconditions, { signal: stopping.signal });
  };

  const refuse = async (orphan: Orphan): Promise<void> => {
    const { name = '', namespace = '', uid = '', generation = 0 } = orphan.object.metadata;
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
    const metadata = { name, namespace, uid };
    try {
      await env.kube.apply(
        RESOURCES.failoverRequest,
        { apiVersion: API_VERSION, kind: RESOURCES.failoverRequest.kind, metadata, status },
        { signal: stopping.signal, force: true, subresource: 'status' },
      );
    } catch (error) {
      // Where no watch has told so yet.
      if (!(await hasGone(error, env, orphan.object, stopping.signal))) throw error;
    }
  };

  return {
    add: (key, object) => {
      const { uid = '' } = object.metadata;
      const parsed = parseFailoverRequest(object);
      drop(uid);
      if (!parsed.ok) return;
      const { finishedAt } = parsed.status;
      const deleteAtMs =
        finishedAt === undefined ? null : Date.parse(finishedAt) + durationMs(parsed.spec.ttlAfterFinished);
      wait(uid, { key, object, deleteAtMs }, deleteAtMs === null ? PATIENCE_MS : deleteAtMs - env.clock.now());
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
