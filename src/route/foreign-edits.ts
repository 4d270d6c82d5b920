/** Who undid what was published: told from the objects as they were found, before they are repaired. */
import { FIELD_MANAGER } from '../api/resources.ts';
import type { CurrentObjects, RouteWrite } from './contract.ts';

export interface ForeignEdit {
  readonly kind: string;
  readonly name: string;
  /** Field manager, or what is known of it. */
  readonly by: string;
}

/**
 * For writes that repair what the last plan had published: their cause is somebody else. Secrets that nobody else has
 * written to are left out, because they change with the logins that they are made from.
 */
export function foreignEdits(writes: readonly RouteWrite[], current: CurrentObjects): ForeignEdit[] {
  const objects = [...current.services, ...current.slices, ...current.configMaps, ...current.secrets];
  return writes.flatMap((write) => {
    if (write.kind === 'Delete') return [];
    const { name = '', uid } = write.object.metadata;
    const { kind } = write.resource;
    if (uid === undefined) return [{ kind, name, by: 'somebody who deletes it' }];
    const found = objects.find((object) => object.metadata.uid === uid);
    const managers = (found?.metadata.managedFields ?? [])
      .map(({ manager }) => manager ?? 'an unknown manager')
      .filter((manager) => manager !== FIELD_MANAGER);
    if (managers.length === 0 && kind === 'Secret') return [];
    return [{ kind, name, by: [...new Set(managers)].join(', ') || 'an unknown manager' }];
  });
}
