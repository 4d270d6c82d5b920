/** Questions that tests of a scene ask about its group. */
import type { Writer } from '../../hack/scenario/client.ts';
import type { PostgresGroup } from '../../hack/world/postgres-group.ts';
import { namesByAddress } from './scene.ts';

/** Name of the member at an address; the address itself for any other server. */
export function memberOf(group: Pick<PostgresGroup, 'members'>, address: string): string {
  return namesByAddress(group.members).get(address) ?? address;
}

/** Members that acknowledged writes since `atMs`, each once. */
export function serversAfter(group: Pick<PostgresGroup, 'members'>, writer: Writer, atMs: number): readonly string[] {
  const since = writer.acknowledged.filter((write) => write.atMs >= atMs);
  return [...new Set(since.map(({ server }) => memberOf(group, server)))];
}
