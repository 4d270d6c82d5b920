import { FIELD_MANAGER } from '../api/resources.ts';
import { type CallOptions, KubeError, type KubeObject, type ObjectKey, type Resource } from '../ports/kube.ts';
import type { Lane } from './connections.ts';
import { collectionPath, objectPath, withQuery } from './resource-paths.ts';
import { errorFromAnswer, isAboutAnObject } from './status-errors.ts';
import type { Answer, Transport, TransportRequest } from './transport.ts';
import { withoutUndeclared } from './undeclared-fields.ts';
import { type ObjectList, parseList, parseObject } from './wire-objects.ts';

const DEFAULT_DEADLINE_MS = 5_000;
/** client-go's page size. */
const PAGE_LIMIT = 500;

/** A refusal names several fields at once, as many as its message has room for. */
const MAX_APPLY_ROUNDS = 8;

type ApplyOptions = CallOptions & { readonly force: boolean; readonly subresource?: 'status' };

interface Selector {
  readonly labels?: string;
}

/** Untyped objects over REST: typed models would drop the fields that they do not know. */
export class RestClient {
  readonly #transport: Transport;
  readonly #lane: Lane;

  constructor(transport: Transport, lane: Lane) {
    this.#transport = transport;
    this.#lane = lane;
  }

  async get(resource: Resource, key: ObjectKey, options: CallOptions): Promise<KubeObject | null> {
    const answer = await this.#send({ method: 'GET', path: objectPath(resource, key) }, options);
    if (answer.status === 404 && isAboutAnObject(answer.body)) return null;
    return parseObject(expectSuccess(answer, resource), resource);
  }

  /** Every page has its own deadline. The version is the one to watch from. */
  async list(
    resource: Resource,
    namespace: string | null,
    selector: Selector,
    options: CallOptions,
  ): Promise<ObjectList> {
    const path = collectionPath(resource, namespace);
    const query = { labelSelector: selector.labels };
    try {
      const first = await this.#page(resource, path, { ...query, limit: String(PAGE_LIMIT) }, options);
      const objects = [...first.objects];
      for (let next = first.next; next !== null; ) {
        const page = await this.#page(resource, path, { ...query, limit: String(PAGE_LIMIT), continue: next }, options);
        objects.push(...page.objects);
        next = page.next;
      }
      return { objects, resourceVersion: first.resourceVersion, next: null };
    } catch (error) {
      // The token of the next page is void after about five minutes: then, as client-go does, everything at once.
      if (!(error instanceof KubeError && error.code === 'Gone')) throw error;
      return this.#page(resource, path, query, options);
    }
  }

  async apply(resource: Resource, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    let rest = object;
    for (let rounds = 1; ; rounds += 1) {
      try {
        return await this.#applyOnce(resource, rest, options);
      } catch (error) {
        const declared = options.subresource === 'status' ? withoutUndeclared(rest, error) : null;
        if (declared === null || rounds === MAX_APPLY_ROUNDS) throw error;
        rest = declared;
      }
    }
  }

  async #applyOnce(resource: Resource, object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    // Only a status cannot come into being here, so only there an apply without precondition may force.
    const mayForce = options.subresource === 'status' || hasPrecondition(object);
    const path = withQuery(objectPath(resource, keyOf(object), options.subresource), {
      fieldManager: FIELD_MANAGER,
      force: String(options.force && mayForce),
    });
    // The body is JSON, which is YAML.
    const contentType = 'application/apply-patch+yaml';
    const answer = await this.#send({ method: 'PATCH', path, contentType, body: object }, options);
    return parseObject(expectSuccess(answer, resource), resource);
  }

  async mergePatch(
    resource: Resource,
    key: ObjectKey,
    patch: Readonly<Record<string, unknown>>,
    options: CallOptions & { readonly subresource?: 'status' },
  ): Promise<KubeObject> {
    const path = withQuery(objectPath(resource, key, options.subresource), { fieldManager: FIELD_MANAGER });
    const contentType = 'application/merge-patch+json';
    const answer = await this.#send({ method: 'PATCH', path, contentType, body: patch }, options);
    return parseObject(expectSuccess(answer, resource), resource);
  }

  async create(resource: Resource, namespace: string, object: KubeObject, options: CallOptions): Promise<KubeObject> {
    const path = withQuery(collectionPath(resource, namespace), { fieldManager: FIELD_MANAGER });
    const answer = await this.#send({ method: 'POST', path, body: object }, options);
    return parseObject(expectSuccess(answer, resource), resource);
  }

  /** Whole-object write; `metadata.resourceVersion` in `object` is its precondition. Only for objects that are ours alone. */
  async replace(resource: Resource, object: KubeObject, options: CallOptions): Promise<KubeObject> {
    const path = withQuery(objectPath(resource, keyOf(object)), { fieldManager: FIELD_MANAGER });
    const answer = await this.#send({ method: 'PUT', path, body: object }, options);
    return parseObject(expectSuccess(answer, resource), resource);
  }

  async delete(
    resource: Resource,
    key: ObjectKey,
    preconditions: { readonly uid?: string; readonly resourceVersion?: string },
    options: CallOptions,
  ): Promise<boolean> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions };
    const answer = await this.#send({ method: 'DELETE', path: objectPath(resource, key), body }, options);
    if (answer.status === 404 && isAboutAnObject(answer.body)) return false;
    if (answer.status === 409 && (await this.#isAnother(resource, key, preconditions.uid, options))) return false;
    expectSuccess(answer, resource);
    return true;
  }

  /** A 409 does not say which precondition failed, except in words. */
  async #isAnother(
    resource: Resource,
    key: ObjectKey,
    uid: string | undefined,
    options: CallOptions,
  ): Promise<boolean> {
    if (uid === undefined) return false;
    const found = await this.get(resource, key, options);
    return found === null || found.metadata.uid !== uid;
  }

  async #page(
    resource: Resource,
    path: string,
    query: Readonly<Record<string, string | undefined>>,
    options: CallOptions,
  ): Promise<ObjectList> {
    const answer = await this.#send({ method: 'GET', path: withQuery(path, query) }, options);
    return parseList(expectSuccess(answer, resource), resource);
  }

  #send(request: Omit<TransportRequest, 'lane'>, options: CallOptions): Promise<Answer> {
    const limit = { deadlineMs: options.deadlineMs ?? DEFAULT_DEADLINE_MS, signal: options.signal };
    return this.#transport.call({ ...request, lane: this.#lane }, limit);
  }
}

function expectSuccess(answer: Answer, resource: Resource): unknown {
  if (answer.status < 200 || answer.status > 299) throw errorFromAnswer(answer.status, answer.body, resource);
  return answer.body;
}

function hasPrecondition(object: KubeObject): boolean {
  return object.metadata.uid !== undefined && object.metadata.resourceVersion !== undefined;
}

function keyOf(object: KubeObject): ObjectKey {
  const { namespace, name } = object.metadata;
  if (namespace === undefined || name === undefined) {
    throw new KubeError('Invalid', `a ${object.kind} without name or namespace cannot be written`);
  }
  return { namespace, name };
}
