import { KubeError, type ObjectKey, type Resource } from '../ports/kube.ts';

/** `/apis/GROUP/VERSION/namespaces/NS/PLURAL`; `namespace` null: all namespaces. */
export function collectionPath(resource: Resource, namespace: string | null): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = namespace === null ? '' : `/namespaces/${segment(namespace)}`;
  return `${root}${scope}/${resource.plural}`;
}

export function objectPath(resource: Resource, key: ObjectKey, subresource?: 'status'): string {
  const path = `${collectionPath(resource, key.namespace)}/${segment(key.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** `path?a=1&b=2`, leaving out what is undefined. */
export function withQuery(path: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value);
  return query.size === 0 ? path : `${path}?${query}`;
}

/** Names come from resources that anybody may write: one must not become another path. */
function segment(name: string): string {
  if (name === '' || name === '.' || name === '..') throw new KubeError('Invalid', 'a name must not be empty, . or ..');
  return encodeURIComponent(name);
}
