/** Healthy resources for tests, and edits of them by path. */
import { API_VERSION } from '../../src/api/resources.ts';
import type { ApiObject } from './api.ts';

/** Paths below the object to values; `undefined` removes the field. */
export type Edits = Readonly<Record<string, unknown>>;

/** Two members, Automatic; everything that has a default is left out. */
export function aDatabaseFailover(edits: Edits = {}): ApiObject {
  return edited(
    {
      apiVersion: API_VERSION,
      kind: 'DatabaseFailover',
      metadata: { name: 'orders' },
      spec: {
        mode: 'Automatic',
        members: [
          { name: 'frankfurt', host: 'orders.fra.example.com' },
          { name: 'virginia', host: '198.51.100.7' },
        ],
        credentials: { monitor: { secretRef: { name: 'orders-monitor' } } },
        failover: { whenUnfenced: 'Refuse' },
        routes: { readWrite: { service: 'orders-rw' }, readOnly: { service: 'orders-ro' } },
      },
    },
    edits,
  );
}

export function aFailoverRequest(edits: Edits = {}): ApiObject {
  return edited(
    {
      apiVersion: API_VERSION,
      kind: 'FailoverRequest',
      metadata: { name: 'orders-1' },
      spec: { databaseFailover: 'orders', kind: 'Switchover', to: 'virginia' },
    },
    edits,
  );
}

/** A copy with each path (`spec.members.0.port`) set; missing objects on the way are made. */
export function edited<T extends object>(object: T, edits: Edits): T {
  const copy = structuredClone(object);
  for (const [path, value] of Object.entries(edits)) set(copy, path.split('.'), value);
  return copy;
}

function set(target: object, [head = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0 && value === undefined) Reflect.deleteProperty(target, head);
  else if (rest.length === 0) Reflect.set(target, head, value);
  else {
    const inner: unknown = Reflect.get(target, head);
    const next = typeof inner === 'object' && inner !== null ? inner : {};
    Reflect.set(target, head, next);
    set(next, rest, value);
  }
}
