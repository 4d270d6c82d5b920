/**
 * Does an apply change anything? An intent is satisfied when the object holds all of it, and when our field manager
 * owns nothing beyond it (an earlier intent's key that this one dropped would be removed). Fields that the server
 * defaulted and fields of other managers play no part.
 */
import { FIELD_MANAGER } from '../api/resources.ts';
import type { KubeObject } from '../ports/kube.ts';

type Fields = Readonly<Record<string, unknown>>;

export function isSatisfied(intent: KubeObject, current: KubeObject): boolean {
  return holds(withOurReferences(current, intent), withoutPreconditions(intent)) && !ownsBeyond(intent, current);
}

/** Whom else an object belongs to is no concern of ours. */
function withOurReferences(current: KubeObject, intent: KubeObject): KubeObject {
  const uids = new Set((intent.metadata.ownerReferences ?? []).map(({ uid }) => uid));
  const ownerReferences = (current.metadata.ownerReferences ?? []).filter(({ uid }) => uids.has(uid));
  return { ...current, metadata: { ...current.metadata, ownerReferences } };
}

function withoutPreconditions(intent: KubeObject): KubeObject {
  const { uid: _uid, resourceVersion: _version, ...metadata } = intent.metadata;
  return { ...intent, metadata };
}

function holds(current: unknown, intent: unknown): boolean {
  // The API server returns an empty list that was applied as [], as null or not at all.
  if (Array.isArray(intent)) return holdsList(Array.isArray(current) ? current : [], intent);
  if (!isFields(intent)) return current === intent;
  return isFields(current) && Object.entries(intent).every(([key, value]) => holds(current[key], value));
}

/** Order counts only where the lists are atomic, and those we write in a fixed order. */
function holdsList(current: readonly unknown[], intent: readonly unknown[]): boolean {
  return current.length === intent.length && intent.every((item, index) => holds(current[index], item));
}

function ownsBeyond(intent: KubeObject, current: KubeObject): boolean {
  return (current.metadata.managedFields ?? [])
    .filter(({ manager, operation }) => manager === FIELD_MANAGER && operation === 'Apply')
    .some(({ fieldsV1 }) => isFields(fieldsV1) && reachesBeyond(fieldsV1, intent));
}

/** Walks a FieldsV1 set: `f:` a field, `k:` an item of a list by its keys, `v:` an item of a set, `.` the thing itself. */
function reachesBeyond(owned: Fields, intent: unknown): boolean {
  return Object.entries(owned).some(([path, below]) => {
    if (path === '.') return false;
    const part = partOf(intent, path);
    return part === undefined || (isFields(below) && reachesBeyond(below, part));
  });
}

function partOf(intent: unknown, path: string): unknown {
  const rest = path.slice(2);
  if (path.startsWith('f:')) return isFields(intent) ? intent[rest] : undefined;
  if (!Array.isArray(intent)) return undefined;
  const wanted: unknown = JSON.parse(rest);
  return intent.find((item) => holds(item, wanted));
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
