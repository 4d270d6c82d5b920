/** A newer spec takes effect, whether a watch showed it or a read before an intent. */
import type { Spec } from '../api/database-failover.ts';
import { groupSettings } from '../api/settings.ts';
import type { KubeObject } from '../ports/kube.ts';
import type { Environment } from './environment.ts';
import { type Group, noteTouched } from './group.ts';

/** Does nothing with a spec that is not newer: a watch may lag behind what was read. */
export function adoptSpec(group: Group, env: Pick<Environment, 'region'>, object: KubeObject, spec: Spec): void {
  const { generation = 0 } = object.metadata;
  if (generation <= group.generation) return;
  group.object = object;
  group.spec = spec;
  group.settings = groupSettings(spec, env.region);
  group.generation = generation;
  group.invalid = [];
  group.routesDirty = true;
  // A publication may be under way that still carries the old spec.
  noteTouched(group, null);
  group.onNewSpec();
}
