/** What nearly every file about the operator sets up by hooks: one group of servers, and a stage for each test. */
import { beforeAll, beforeEach } from 'vitest';
import { type GroupOptions, type PostgresGroup, startPostgresGroup } from '../../hack/world/postgres-group.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { startMonitoredGroup } from './monitored-group.ts';
import { createMonitorRole, openStage, type Stage } from './operator-world.ts';

export interface StagedGroup {
  /** With the monitor's role; started for the file. */
  readonly group: PostgresGroup;
  /** Opened anew for each test, and closed after it with its operators. */
  readonly stage: Stage;
}

/**
 * Registers the hooks of a file or a `describe`. Both objects are filled by them: nothing can be read from them before a
 * test or a later hook runs. Hooks that are registered afterwards find both ready, and end before both end.
 */
export function stagedGroup(name: string, members: readonly string[]): StagedGroup {
  const stage: Stage = Object.create(null);
  const group = watchedGroup(name, members);
  beforeEach(async () => {
    const opened = await openStage(`op-${name}`);
    Object.assign(stage, opened);
    return opened.close;
  });
  return { group, stage };
}

/** The group alone, with the monitor's role. */
export const watchedGroup = (name: string, members: readonly string[]): PostgresGroup =>
  groupOfFile(async () => {
    const group = await startPostgresGroup(readWorld(), { name, members });
    await createMonitorRole(group);
    return group;
  });

/** The group alone, with an application's role as well, for `restored` before each test. */
export const monitoredGroup = (options: GroupOptions): PostgresGroup => groupOfFile(() => startMonitoredGroup(options));

function groupOfFile(start: () => Promise<PostgresGroup>): PostgresGroup {
  const group: PostgresGroup = Object.create(null);
  beforeAll(async () => {
    const started = await start();
    Object.assign(group, started);
    return started.discard;
  });
  return group;
}
