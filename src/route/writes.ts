/** Writes with the preconditions of I10. */
import type { KubeObject, Resource } from '../ports/kube.ts';
import { isSatisfied } from './comparison.ts';
import type { RouteWrite } from './contract.ts';

/**
 * The apply of a full intent. Over an object that was read: conditional on its uid and resourceVersion, and forced,
 * because every field of the intent is ours. Without one: it creates, and must not take fields from anybody.
 */
export function applyOver(resource: Resource, intent: KubeObject, current: KubeObject | null): RouteWrite {
  if (current === null) return { kind: 'Apply', resource, object: intent, force: false };
  const { uid = '', resourceVersion = '' } = current.metadata;
  const object = { ...intent, metadata: { ...intent.metadata, uid, resourceVersion } };
  return { kind: 'Apply', resource, object, force: true };
}

/** No write where it would change nothing. */
export function applyIfNeeded(resource: Resource, intent: KubeObject, current: KubeObject | null): RouteWrite[] {
  return current !== null && isSatisfied(intent, current) ? [] : [applyOver(resource, intent, current)];
}

export function deleteOf(resource: Resource, current: KubeObject): RouteWrite {
  const { name = '', namespace = '', uid = '', resourceVersion = '' } = current.metadata;
  return { kind: 'Delete', resource, key: { namespace, name }, uid, resourceVersion };
}
