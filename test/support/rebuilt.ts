/** A server whose data were replaced, as after a restore into a new cluster. */
import { rm } from 'node:fs/promises';
import type { PostgresMember } from '../../hack/world/postgres-member.ts';
import { createMonitorRole } from './operator-world.ts';

/** The same name and address with another system identifier and empty data; the monitor's role is there again. */
export async function replaceCluster(member: PostgresMember): Promise<void> {
  if (member.postmasterPid() !== null) await member.kill();
  await rm(member.dataDir, { recursive: true });
  await member.initialise();
  await member.start();
  await createMonitorRole({ members: [member] });
}
