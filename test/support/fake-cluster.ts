import { isDeepStrictEqual } from 'node:util';
import { KubeError, type KubeObject, type ObjectKey, type Resource, type WatchEvent } from '../../src/ports/kube.ts';
import { isFields, merged, selects, withDefaults, without } from './fake-kube-objects.ts';

interface Watcher {
  readonly resource: Resource;
  readonly namespace: string | null;
  readonly labels: string | undefined;
  readonly listener: (event: WatchEvent) => void;
}

/**
 * The objects of an API server in memory: resourceVersions, uids, generations and their preconditions, the apply of one
 * field manager, and watches. Several clients may share one, each with faults of its own.
 */
export class FakeCluster {
  readonly objects = new Map<string, KubeObject>();
  /** What each object looks like after each change, oldest first. */
  readonly changes: { readonly key: string; readonly object: KubeObject | null }[] = [];
  /** While set, watches tell nothing; `releaseWatches` tells all of it, in order. */
  #held: (() => void)[] | null = null;
  readonly #applied = new Map<string, KubeObject>();
  readonly #watchers = new Set<Watcher>();
  #version = 100;
  #uid = 0;

  /** What somebody who is not the operator does. Merges into the object, or makes it. */
  put(resource: Resource, object: KubeObject): KubeObject {
    return this.#store(resource, object, (current) => merged(current, object));
  }

  /** Somebody sets what the operator alone should write, such as a status; `undefined` as value removes a field. */
  overwrite(resource: Resource, key: ObjectKey, fields: Readonly<Record<string, unknown>>): KubeObject {
    const current = this.read(resource, key);
    if (current === null) throw new KubeError('NotFound', 'not found', 404);
    return this.#store(resource, current, () => ({ ...current, ...fields }));
  }

  read(resource: Resource, key: ObjectKey): KubeObject | null {
    return this.objects.get(keyOf(resource, key)) ?? null;
  }

  list(resource: Resource, namespace: string | null, labels: string | undefined): readonly KubeObject[] {
    const prefix = namespace === null ? `${resource.plural}/` : `${resource.plural}/${namespace}/`;
    return [...this.objects]
      .filter(([key, object]) => key.startsWith(prefix) && selects(labels, object))
      .map(([, object]) => object);
  }

  apply(resource: Resource, object: KubeObject, subresource: 'status' | null): KubeObject {
    const key = keyOf(resource, object.metadata);
    const current = this.objects.get(key);
    if (current === undefined && (subresource === 'status' || object.metadata.resourceVersion !== undefined)) {
      throw new KubeError('NotFound', `${key} not found`, 404);
    }
    checkPreconditions(current, object.metadata);
    const slot = `${key}/${subresource ?? ''}`;
    const previous = this.#applied.get(slot);
    const intent = subresource === null ? object : { ...bare(object), status: object.status };
    this.#applied.set(slot, intent);
    return this.#store(resource, object, (base) =>
      merged(previous === undefined ? base : without(base, previous), intent),
    );
  }

  create(resource: Resource, object: KubeObject): KubeObject {
    const key = keyOf(resource, object.metadata);
    if (this.objects.has(key)) throw new KubeError('AlreadyExists', `${key} exists`, 409);
    return this.#store(resource, object, (base) => merged(base, object));
  }

  patch(resource: Resource, key: ObjectKey, patch: Readonly<Record<string, unknown>>): KubeObject {
    const current = this.read(resource, key);
    if (current === null) throw new KubeError('NotFound', 'not found', 404);
    if (isFields(patch.metadata)) checkPreconditions(current, patch.metadata);
    const { metadata: _metadata, ...rest } = patch;
    return this.#store(resource, current, (base) => merged(base, { ...bare(current), ...rest }));
  }

  delete(
    resource: Resource,
    key: ObjectKey,
    preconditions: { readonly uid?: string; readonly resourceVersion?: string } = {},
  ) {
    const current = this.read(resource, key);
    if (current === null || (preconditions.uid !== undefined && preconditions.uid !== current.metadata.uid))
      return false;
    checkPreconditions(current, preconditions);
    const id = keyOf(resource, key);
    this.objects.delete(id);
    for (const slot of [`${id}/`, `${id}/status`]) this.#applied.delete(slot);
    this.changes.push({ key: id, object: null });
    this.#version += 1;
    const metadata = { ...current.metadata, resourceVersion: String(this.#version) };
    this.#tell(resource, { ...current, metadata }, 'Deleted');
    return true;
  }

  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    this.#later(() =>
      watcher.listener({ type: 'Synced', objects: this.list(watcher.resource, watcher.namespace, watcher.labels) }),
    );
    return () => void this.#watchers.delete(watcher);
  }

  /** A watch shows this version of an object once more, as after a list from a cache that lags. */
  retell(resource: Resource, object: KubeObject): void {
    this.#tell(resource, object, 'Changed');
  }

  holdWatches(): void {
    this.#held ??= [];
  }

  releaseWatches(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const tell of held) tell();
  }

  #store(resource: Resource, object: KubeObject, change: (base: KubeObject) => KubeObject): KubeObject {
    const { namespace = '', name = '' } = object.metadata;
    const key = keyOf(resource, { namespace, name });
    const before = this.objects.get(key);
    const base: KubeObject = before ?? this.#newborn(object);
    const next = withDefaults(resource, change(base));
    const isSame = before !== undefined && isDeepStrictEqual(content(next), content(before));
    if (isSame) return before;
    this.#version += 1;
    const generation =
      (base.metadata.generation ?? 0) + (JSON.stringify(next.spec) === JSON.stringify(before?.spec) ? 0 : 1);
    const { uid, creationTimestamp } = base.metadata;
    const stored: KubeObject = {
      ...next,
      metadata: {
        ...next.metadata,
        ...(uid === undefined ? {} : { uid }),
        ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
        resourceVersion: String(this.#version),
        generation,
      },
    };
    this.objects.set(key, stored);
    this.changes.push({ key, object: stored });
    this.#tell(resource, stored, 'Changed');
    return stored;
  }

  #newborn(object: KubeObject): KubeObject {
    this.#uid += 1;
    const { namespace = '', name = '' } = object.metadata;
    const creationTimestamp = '2026-03-01T11:59:00Z';
    return { ...bare(object), metadata: { namespace, name, uid: `uid-${this.#uid}`, creationTimestamp } };
  }

  #tell(resource: Resource, object: KubeObject, type: 'Changed' | 'Deleted'): void {
    for (const watcher of this.#watchers) {
      if (watcher.resource.plural !== resource.plural || !selects(watcher.labels, object)) continue;
      if (watcher.namespace !== null && watcher.namespace !== object.metadata.namespace) continue;
      this.#later(() => watcher.listener({ type, object }));
    }
  }

  #later(tell: () => void): void {
    if (this.#held === null) setImmediate(tell);
    else this.#held.push(tell);
  }
}

function checkPreconditions(
  current: KubeObject | undefined,
  { uid, resourceVersion }: { readonly uid?: unknown; readonly resourceVersion?: unknown },
): void {
  if (current === undefined) return;
  if (uid !== undefined && uid !== current.metadata.uid) throw new KubeError('Conflict', 'another uid', 409);
  if (resourceVersion !== undefined && resourceVersion !== current.metadata.resourceVersion) {
    throw new KubeError('Conflict', 'the object has been modified', 409);
  }
}

const keyOf = (
  resource: Resource,
  { namespace = '', name = '' }: { readonly namespace?: string; readonly name?: string },
) => `${resource.plural}/${namespace}/${name}`;

const bare = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => ({ apiVersion, kind, metadata });

function content({
  metadata: { resourceVersion: _version, generation: _generation, ...metadata },
  ...rest
}: KubeObject) {
  return { ...rest, metadata };
}
