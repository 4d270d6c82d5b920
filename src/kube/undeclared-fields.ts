/**
 * Server-side apply refuses what the CRD does not declare, where other writes prune it. While the CRD is older than the
 * operator the status must still be written, so what is refused is left out.
 */
import { KubeError, type KubeObject } from '../ports/kube.ts';

/** `.status.members[name="m1"].witness: field not declared in schema`, as structured-merge-diff writes it. */
const UNDECLARED = /\.status((?:\.[A-Za-z][A-Za-z0-9]*|\[[^\]]*\])+): field not declared in schema/g;

/** The object without the status fields that the error names; null when it names none. */
export function withoutUndeclared(object: KubeObject, error: unknown): KubeObject | null {
  // The API server answers with 500: it takes this for a failure of its own.
  if (!(error instanceof KubeError) || (error.code !== 'Invalid' && error.code !== 'Unavailable')) return null;
  const paths = [...error.message.matchAll(UNDECLARED)].map(([, path = '']) => fieldsOf(path));
  if (paths.length === 0) return null;
  return { ...object, status: paths.reduce(without, object.status) };
}

function fieldsOf(path: string): readonly string[] {
  return path
    .replaceAll(/\[[^\]]*\]/g, '')
    .split('.')
    .filter((field) => field !== '');
}

/** In every item where the path leads through a list: a schema is the same for all of them. */
function without(value: unknown, path: readonly string[]): unknown {
  const [field, ...rest] = path;
  if (field === undefined || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => without(item, path));
  const entries = Object.entries(value);
  if (rest.length === 0) return Object.fromEntries(entries.filter(([name]) => name !== field));
  return Object.fromEntries(entries.map(([name, inner]) => [name, name === field ? without(inner, rest) : inner]));
}
