/** The Kubernetes API as the controller needs it: untyped objects in, untyped objects out, a deadline on every call. */
export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly uid: string;
  }[];
  readonly managedFields?: readonly {
    readonly manager?: string;
    readonly operation?: string;
    readonly fieldsV1?: unknown;
  }[];
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** A kind as URLs name it. `group` is empty for core. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
}

export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

export interface CallOptions {
  readonly signal: AbortSignal;
  /** Default 5 s. */
  readonly deadlineMs?: number;
}

export type KubeErrorCode =
  | 'NotFound'
  | 'Conflict' // resourceVersion or uid precondition, or server-side apply field conflict
  | 'AlreadyExists'
  | 'Invalid' // 400, 422: the object is refused
  | 'Forbidden'
  | 'Unauthorized'
  | 'Gone' // 410
  | 'Unavailable'; // 429, 5xx, network, deadline: may work later

/** `message` is the API server's own sentence or ours; it never holds request bodies or headers. */
export class KubeError extends Error {
  readonly code: KubeErrorCode;
  readonly status: number | null;
  constructor(code: KubeErrorCode, message: string, status: number | null = null, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KubeError';
    this.code = code;
    this.status = status;
  }
}

export type WatchEvent =
  | { readonly type: 'Changed'; readonly object: KubeObject }
  | { readonly type: 'Deleted'; readonly object: KubeObject }
  /** A complete list replaced everything known before. */
  | { readonly type: 'Synced'; readonly objects: readonly KubeObject[] };

export interface WatchHealth {
  readonly synced: boolean;
  /** Monotonic ms of the last event, bookmark or list; null before the first. */
  readonly lastEventAtMs: number | null;
  readonly restarts: number;
}

export interface WatchHandle {
  health(): WatchHealth;
  stop(): void;
}

export interface KubeEvent {
  readonly regarding: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

export interface KubePort {
  /** null: not found. */
  get(resource: Resource, key: ObjectKey, options: CallOptions): Promise<KubeObject | null>;
  /** `namespace` null: all namespaces. Paged inside. */
  list(
    resource: Resource,
    namespace: string | null,
    selector: { readonly labels?: string },
    options: CallOptions,
  ): Promise<readonly KubeObject[]>;
  /**
   * Server-side apply by our field manager. With `metadata.uid` and `metadata.resourceVersion` in `object` it is a
   * precondition (`Conflict`); without, it creates and does not force. Returns the stored object.
   */
  apply(
    resource: Resource,
    object: KubeObject,
    options: CallOptions & { readonly force: boolean; readonly subresource?: 'status' },
  ): Promise<KubeObject>;
  /** `AlreadyExists` when it does, whoever made it: an apply that creates would take over what came into being meanwhile. */
  create(resource: Resource, object: KubeObject, options: CallOptions): Promise<KubeObject>;
  /** JSON merge patch; put `metadata.resourceVersion` into `patch` for a precondition. */
  mergePatch(
    resource: Resource,
    key: ObjectKey,
    patch: Readonly<Record<string, unknown>>,
    options: CallOptions & { readonly subresource?: 'status' },
  ): Promise<KubeObject>;
  /** False: it was not there (or not with these preconditions' uid). */
  delete(
    resource: Resource,
    key: ObjectKey,
    preconditions: { readonly uid?: string; readonly resourceVersion?: string },
    options: CallOptions,
  ): Promise<boolean>;
  /** Supervised: survives resets, 410, 403, 500 and silence, and relists by itself. Callbacks must not throw. */
  watch(
    resource: Resource,
    namespace: string | null,
    selector: { readonly labels?: string },
    listener: (event: WatchEvent) => void,
  ): WatchHandle;
  /** Fire and forget, aggregated and rate limited inside; never rejects. */
  event(event: KubeEvent): void;
}

export interface Leadership {
  /** True while our lease is surely valid. */
  isLeader(): boolean;
  /** Milliseconds of surely valid lease left; 0 when not leading. */
  remainingMs(): number;
  /** Aborted when leadership is lost or in doubt; a new one with each term. null when not leading. */
  termSignal(): AbortSignal | null;
  onChange(listener: (leading: boolean) => void): void;
}
