/** Parsers at the edge: JSON text of the API server to values that the inside does not check again. */
import { KubeError, type KubeObject, type Resource } from '../ports/kube.ts';

type Fields = Readonly<Record<string, unknown>>;

export interface ObjectList {
  readonly objects: readonly KubeObject[];
  readonly resourceVersion: string;
  /** Token for the next page; null on the last. */
  readonly next: string | null;
}

/** What a `Status` says, as far as we use it. */
export interface StatusFacts {
  readonly code: number | null;
  readonly reason: string | null;
  readonly message: string | null;
  /** Set when the Status is about one object; empty when the API server does not know the kind at all. */
  readonly objectName: string | null;
  /** Fields that were refused, without their values. */
  readonly fields: readonly string[];
}

export type WatchFrame =
  | { readonly type: 'Changed' | 'Deleted'; readonly object: KubeObject; readonly resourceVersion: string }
  | { readonly type: 'Bookmark'; readonly resourceVersion: string }
  | { readonly type: 'Error'; readonly status: StatusFacts };

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may be a Secret.
    throw malformed('no JSON');
  }
}

/** Items of typed lists come without `apiVersion` and `kind`; they are filled in from `resource`. */
export function parseObject(value: unknown, resource: Resource): KubeObject {
  const fields = isFields(value) ? value : null;
  const metadata = fields?.metadata;
  if (fields === null || !isFields(metadata) || typeof metadata.name !== 'string') {
    throw malformed(`no ${resource.kind}`);
  }
  return {
    ...fields,
    apiVersion: typeof fields.apiVersion === 'string' ? fields.apiVersion : apiVersionOf(resource),
    kind: typeof fields.kind === 'string' ? fields.kind : resource.kind,
    metadata,
  };
}

export function parseList(value: unknown, resource: Resource): ObjectList {
  if (!isFields(value) || !isFields(value.metadata) || typeof value.metadata.resourceVersion !== 'string') {
    throw malformed(`no list of ${resource.plural}`);
  }
  // Go writes an empty list as null.
  const items = value.items ?? [];
  if (!Array.isArray(items)) throw malformed(`no list of ${resource.plural}`);
  const next = value.metadata.continue;
  return {
    objects: items.map((item: unknown) => parseObject(item, resource)),
    resourceVersion: value.metadata.resourceVersion,
    next: typeof next === 'string' && next !== '' ? next : null,
  };
}

/** `null`: a kind of frame that we do not know, to be passed over. */
export function parseWatchFrame(line: string, resource: Resource): WatchFrame | null {
  const frame = parseJson(line);
  if (!isFields(frame) || typeof frame.type !== 'string') throw malformed('no watch event');
  switch (frame.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const object = parseObject(frame.object, resource);
      const type = frame.type === 'DELETED' ? 'Deleted' : 'Changed';
      return { type, object, resourceVersion: versionOf(object) };
    }
    case 'BOOKMARK': {
      const metadata = isFields(frame.object) ? frame.object.metadata : null;
      if (!isFields(metadata) || typeof metadata.resourceVersion !== 'string') throw malformed('no bookmark');
      return { type: 'Bookmark', resourceVersion: metadata.resourceVersion };
    }
    case 'ERROR':
      return { type: 'Error', status: parseStatus(frame.object) };
    default:
      return null;
  }
}

/** Never throws: what is missing is null. */
export function parseStatus(value: unknown): StatusFacts {
  const status = isFields(value) && value.kind === 'Status' ? value : {};
  const details = isFields(status.details) ? status.details : {};
  const causes = Array.isArray(details.causes) ? details.causes : [];
  return {
    code: typeof status.code === 'number' ? status.code : null,
    reason: textOrNull(status.reason),
    message: textOrNull(status.message),
    objectName: textOrNull(details.name),
    fields: causes.flatMap((cause: unknown) =>
      isFields(cause) && typeof cause.field === 'string' ? [cause.field] : [],
    ),
  };
}

export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOrNull(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function versionOf(object: KubeObject): string {
  if (typeof object.metadata.resourceVersion !== 'string') throw malformed('an object without resourceVersion');
  return object.metadata.resourceVersion;
}

function malformed(what: string): KubeError {
  return new KubeError('Unavailable', `the API server's answer is malformed: ${what}`);
}
