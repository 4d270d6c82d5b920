/** How the fake API server merges, selects and fills in objects. */
import type { KubeObject, Resource } from '../../src/ports/kube.ts';

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Fields of `change` over those of `base`; lists are atomic, null removes. */
export function merged(base: KubeObject, change: KubeObject): KubeObject {
  const { uid: _uid, resourceVersion: _version, ...metadata } = change.metadata;
  return {
    ...base,
    ...mergedFields(base, { ...change, metadata }),
    metadata: mergedFields({ ...base.metadata }, metadata),
  };
}

function mergedFields(base: Fields, change: Fields): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(change)) {
    const before = result[name];
    if (value === null) delete result[name];
    else if (value !== undefined)
      result[name] = isFields(value) ? mergedFields(isFields(before) ? before : {}, value) : value;
  }
  return result;
}

/** What a field manager no longer asks for goes away: the fields of its last apply, before those of the next. */
export function without(base: KubeObject, owned: KubeObject): KubeObject {
  const { metadata, apiVersion, kind, ...rest } = base;
  const { metadata: ownedMetadata, apiVersion: _apiVersion, kind: _kind, ...ownedRest } = owned;
  const { labels, annotations, ...others } = metadata;
  return {
    apiVersion,
    kind,
    metadata: {
      ...others,
      ...(labels === undefined ? {} : { labels: strings(remaining(labels, ownedMetadata.labels ?? {})) }),
      ...(annotations === undefined
        ? {}
        : { annotations: strings(remaining(annotations, ownedMetadata.annotations ?? {})) }),
    },
    ...remaining(rest, ownedRest),
  };
}

function remaining(base: Fields, owned: Fields): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(owned)) {
    const before = result[name];
    const rest = isFields(value) && isFields(before) ? remaining(before, value) : {};
    if (Object.keys(rest).length > 0) result[name] = rest;
    else delete result[name];
  }
  return result;
}

function strings(fields: Fields): Record<string, string> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}

/** Label selectors as the operator writes them: `a=b`, `a!=b`, `a in (b,c)`, joined by commas. */
export function selects(selector: string | undefined, { metadata: { labels = {} } }: KubeObject): boolean {
  return (selector?.match(/[^,(]+(\([^)]*\))?/g) ?? []).every((term) => {
    const [, name = '', operator, value = ''] = /^\s*([^\s!=]+)\s*(!=|=|in)\s*\(?([^)]*)\)?$/.exec(term) ?? [];
    const label = labels[name];
    if (operator === '!=') return label !== value;
    return label !== undefined && value.split(',').includes(label);
  });
}

/** What the API server itself adds. */
export function withDefaults(resource: Resource, object: KubeObject): KubeObject {
  if (resource.plural !== 'services') return object;
  const { spec } = object;
  return { ...object, spec: { clusterIP: '10.96.0.10', ipFamilies: ['IPv4'], ...(isFields(spec) ? spec : {}) } };
}
