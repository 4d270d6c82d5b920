import { execFile } from 'node:child_process';
import { realpath, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DNS_ADDRESS, GATEWAY, GATEWAY6, SERVICE_CIDRS } from './addresses.ts';

const run = promisify(execFile);

const IP_COMMANDS = [
  'link set lo up',
  `addr add ${GATEWAY}/16 dev lo`,
  'route add default dev lo',
  // Without this a connection to a ClusterIP that leads nowhere hangs for a second instead of being refused: the kernel
  // sends no ICMP error for an IPv4 packet that merely leaves through lo. A pod in a real cluster is refused at once.
  `route add local ${SERVICE_CIDRS[0]} dev lo`,
  // `nodad`: the address is usable at once. The local route makes the rest of the prefix ours as well.
  `-6 addr add ${GATEWAY6}/128 dev lo nodad`,
  '-6 route add local fd77::/64 dev lo',
  '-6 route add default dev lo',
] as const;

/** Everything the world talks to is inside; the default routes lead to loopback, where kube-proxy's rules await them. */
export async function setUpNetwork(): Promise<void> {
  for (const command of IP_COMMANDS) await run('ip', command.split(' '), { timeout: 10_000 });
  // A local route receives for the whole prefix, but only this lets servers listen on addresses that lo does not list.
  await writeFile('/proc/sys/net/ipv6/ip_nonlocal_bind', '1');
}

/** Memory-backed, at the same path in each world: the mount, and with it every file, ends with the namespace. */
export async function mountRunDir(runDir: string): Promise<void> {
  await mountMemory(runDir, '0755');
  // PostgreSQL's shared memory segments would outlive killed servers in the machine's own /dev/shm.
  await mountMemory('/dev/shm', '1777');
}

async function mountMemory(path: string, mode: string): Promise<void> {
  await run('mount', ['-t', 'tmpfs', '-o', `mode=${mode},nosuid,nodev`, 'tmpfs', path], { timeout: 10_000 });
}

/** The checkout may lie where only its owner can read, and PostgreSQL may have to run as somebody else. */
export async function bindMount(from: string, to: string): Promise<void> {
  await run('mount', ['--bind', from, to], { timeout: 10_000 });
}

/** Makes the scripted DNS server the one that every program in the world asks. */
export async function useDnsServer(runDir: string): Promise<void> {
  const file = join(runDir, 'resolv.conf');
  await writeFile(file, `nameserver ${DNS_ADDRESS}\noptions timeout:1 attempts:2\n`, { mode: 0o644 });
  await bindMount(file, await realpath('/etc/resolv.conf'));
}
