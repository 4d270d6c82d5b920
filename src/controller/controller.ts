/** The conductor of all resources: watches, one worker per resource, one queue, leadership. */
import { parseDatabaseFailover } from '../api/parse.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, OWNER_LABEL, RESOURCES } from '../api/resources.ts';
import type { KubeObject, Resource, WatchEvent, WatchHandle, WatchHealth } from '../ports/kube.ts';
import type { Environment } from './environment.ts';
import { type Group, isNews } from './group.ts';
import { createInvalidReporter } from './invalid-reporter.ts';
import { createOrphanRequests } from './orphan-requests.ts';
import { createQueue } from './queue.ts';
import { createWorker, type Worker } from './worker.ts';

export interface WatchState {
  readonly kind: string;
  /** null: all namespaces. */
  readonly namespace: string | null;
  readonly health: WatchHealth;
}

export interface Controller {
  start(): void;
  /** Stops every loop and resolves when nothing is under way any more. */
  stop(): Promise<void>;
  /** Resolves when the passes that run now, perhaps as leader, have ended. */
  settled(): Promise<void>;
  groups(): readonly Group[];
  watches(): readonly WatchState[];
}

/** Passes that may run at the same time; each is mostly waiting for the API server. */
const CONCURRENCY = 16;

/** Slices of ordinary Services are no concern of ours and are by far the most: the API server leaves them out. */
const SLICES_OF_INTEREST = 'endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io';
const OURS = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;

export interface ControllerOptions {
  readonly env: Environment;
  /** Namespaces to work in; null: all. */
  readonly namespaces: readonly string[] | null;
}

export function createController({ env, namespaces }: ControllerOptions): Controller {
  const workers = new Map<string, Worker>();
  const unparsed = createInvalidReporter(env);
  const orphans = createOrphanRequests(env, (key) => workers.has(key));
  const handles: { readonly kind: string; readonly namespace: string | null; readonly handle: WatchHandle }[] = [];
  const queue = createQueue({
    clock: env.clock,
    random: env.random,
    concurrency: CONCURRENCY,
    handle: (key) => pass(key),
    onError: (key, error, retryInMs) => {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      env.log.warn({ key, code, error: error instanceof Error ? error.message : 'unknown', retryInMs }, 'pass failed');
    },
  });

  const pass = async (key: string): Promise<void> => {
    const worker = workers.get(key);
    if (worker === undefined) return;
    const againInMs = await worker.reconcile();
    if (againInMs !== null && workers.has(key)) queue.addAfter(key, againInMs);
  };

  const changed = (object: KubeObject): void => {
    const key = keyOf(object);
    // From here on what is published goes, or stays, by its owner references; nothing must be made anew.
    if (object.metadata.deletionTimestamp !== undefined) {
      gone(key);
      return;
    }
    const worker = workers.get(key);
    if (worker !== undefined) {
      // Deleted and made anew between two events: nothing of the old one speaks of the new.
      if (worker.group.object.metadata.uid === object.metadata.uid) {
        worker.update(object);
        queue.add(key);
        return;
      }
      gone(key);
    }
    const created = createWorker(object, env, () => queue.add(key));
    if (created === null) {
      unparsed.report(object, parseDatabaseFailover(object));
      return;
    }
    unparsed.forget(key);
    workers.set(key, created);
    for (const request of orphans.take(key)) created.updateRequest(request);
    queue.add(key);
  };

  const gone = (key: string): void => {
    unparsed.forget(key);
    const worker = workers.get(key);
    worker?.stop();
    workers.delete(key);
    queue.forget(key);
    // They wait for the resource to be made anew, or are told that it is gone; finished ones live on for their time.
    for (const { object, status } of worker?.group.requests.values() ?? []) orphans.add(key, { ...object, status });
  };

  const onResource = (namespace: string | null) => (event: WatchEvent) => {
    if (event.type === 'Changed') changed(event.object);
    if (event.type === 'Deleted') gone(keyOf(event.object));
    if (event.type !== 'Synced') return;
    const present = new Set(event.objects.map(keyOf));
    for (const key of [...workers.keys()]) if (inScope(key, namespace) && !present.has(key)) gone(key);
    event.objects.forEach(changed);
  };

  const onRequest = (namespace: string | null) => (event: WatchEvent) => {
    if (event.type === 'Deleted') {
      const key = requestTarget(event.object);
      workers.get(key)?.forgetRequest(event.object.metadata.name ?? '');
      orphans.forget(event.object);
      return;
    }
    const objects = event.type === 'Synced' ? event.objects : [event.object];
    if (event.type === 'Synced') dropVanishedRequests(namespace, objects);
    for (const object of objects) {
      const key = requestTarget(object);
      const worker = workers.get(key);
      if (worker === undefined) orphans.add(key, object);
      else worker.updateRequest(object);
      queue.add(key);
    }
  };

  const dropVanishedRequests = (namespace: string | null, objects: readonly KubeObject[]): void => {
    const present = new Set(objects.map((object) => `${requestTarget(object)} ${object.metadata.name}`));
    for (const [key, worker] of workers) {
      if (!inScope(key, namespace)) continue;
      for (const name of [...worker.group.requests.keys()])
        if (!present.has(`${key} ${name}`)) worker.forgetRequest(name);
    }
  };

  /** An object that carries our mark, or a Service that a spec names, or a slice of such a Service, changed. */
  const onPublished = (namespace: string | null) => (event: WatchEvent) => {
    // What was deleted while nobody watched is known only by its absence.
    if (event.type === 'Synced') {
      for (const [key, worker] of workers) {
        if (!inScope(key, namespace)) continue;
        worker.touchRoutes(null);
        queue.add(key);
      }
      return;
    }
    for (const [key, worker] of workers) {
      if (!concerns(worker.group, event.object)) continue;
      worker.touchRoutes(event.object);
      queue.add(key);
    }
  };

  const watch = (
    resource: Resource,
    labels: string | null,
    listener: (namespace: string | null) => (event: WatchEvent) => void,
  ): void => {
    for (const namespace of namespaces ?? [null]) {
      const selector = labels === null ? {} : { labels };
      handles.push({
        kind: resource.kind,
        namespace,
        handle: env.kube.watch(resource, namespace, selector, listener(namespace)),
      });
    }
  };

  return {
    start: () => {
      env.leadership.onChange(() => {
        for (const key of workers.keys()) queue.add(key);
      });
      watch(RESOURCES.databaseFailover, null, onResource);
      watch(RESOURCES.failoverRequest, null, onRequest);
      watch(RESOURCES.endpointSlice, SLICES_OF_INTEREST, onPublished);
      // Also those of people: one that stands in our way carries no mark of ours, and its end shall be seen at once.
      watch(RESOURCES.service, null, onPublished);
      watch(RESOURCES.configMap, OURS, onPublished);
    },
    stop: async () => {
      for (const { handle } of handles) handle.stop();
      orphans.stop();
      unparsed.stop();
      for (const worker of workers.values()) worker.stop();
      await queue.stop();
      workers.clear();
    },
    settled: () => queue.settled(),
    groups: () => [...workers.values()].map((worker) => worker.group),
    watches: () => handles.map(({ kind, namespace, handle }) => ({ kind, namespace, health: handle.health() })),
  };
}

function concerns(group: Group, object: KubeObject): boolean {
  const { namespace, labels = {} } = object.metadata;
  if (namespace !== group.key.namespace) return false;
  if (labels[OWNER_LABEL] === group.key.name) return isNews(group, object);
  const isService = object.kind === RESOURCES.service.kind;
  const service = isService ? object.metadata.name : labels['kubernetes.io/service-name'];
  const { readWrite, readOnly } = group.spec.routes;
  return (
    service !== undefined && (service === readWrite.service || service === readOnly?.service) && isNews(group, object)
  );
}

function inScope(key: string, namespace: string | null): boolean {
  return namespace === null || key.startsWith(`${namespace}/`);
}

const keyOf = (object: KubeObject): string => `${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''}`;

function requestTarget(object: KubeObject): string {
  const { spec } = object;
  const name: unknown = typeof spec === 'object' && spec !== null ? Reflect.get(spec, 'databaseFailover') : undefined;
  return `${object.metadata.namespace ?? ''}/${typeof name === 'string' ? name : ''}`;
}
