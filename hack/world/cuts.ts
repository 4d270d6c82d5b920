import { execFile } from 'node:child_process';
import { isIPv6 } from 'node:net';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** One table per process: test files run at once, and none may heal what another cut. */
const TABLE = `world_cuts_${process.pid}`;

/**
 * Cuts in the world's network, one address at a time. They act on what arrives, after kube-proxy's translation, on new
 * and on open connections, in both directions. Must run inside the world.
 */

/** Packets to and from `address` vanish. */
export async function blackhole(address: string): Promise<void> {
  await cut(address, 'drop');
}

/** Whoever sends to `address`, on an open connection too, gets a TCP reset; other packets vanish. */
export async function rejectWithReset(address: string): Promise<void> {
  // The reset itself comes from `address` and has to pass.
  await cut(address, 'tcp flags & rst == rst accept', 'meta l4proto tcp reject with tcp reset', 'drop');
}

export async function heal(address: string): Promise<void> {
  await nft(...emptyChain(chainOf(address)));
}

/** Heals what this process cut. */
export async function healAll(): Promise<void> {
  await nft(`add table inet ${TABLE}`, `delete table inet ${TABLE}`);
}

/** One chain per address, so that healing one leaves the others cut. */
async function cut(address: string, ...verdicts: readonly string[]): Promise<void> {
  const family = isIPv6(address) ? 'ip6' : 'ip';
  const chain = chainOf(address);
  const rules = ['daddr', 'saddr'].flatMap((side) =>
    verdicts.map((verdict) => `add rule inet ${TABLE} ${chain} ${family} ${side} ${address} ${verdict}`),
  );
  await nft(...emptyChain(chain), ...rules);
}

/** Always with its hook: a chain that was first made without one can never get it. */
function emptyChain(chain: string): string[] {
  return [
    `add table inet ${TABLE}`,
    `add chain inet ${TABLE} ${chain} { type filter hook input priority 0; policy accept; }`,
    `flush chain inet ${TABLE} ${chain}`,
  ];
}

function chainOf(address: string): string {
  return `cut_${address.replaceAll(/[.:]/g, '_')}`;
}

async function nft(...commands: readonly string[]): Promise<void> {
  await run('nft', [commands.join('; ')], { timeout: 10_000 });
}
