import { mkdir, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CONTROL_ADDRESS, CONTROL_PORT, DEFAULT_GROUP, DNS_ADDRESS, SERVICE_CIDRS } from './addresses.ts';
import { stderrVoice, withProgress } from './binaries/progress.ts';
import { startControlEndpoint } from './control-endpoint.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { writeControlPlaneFiles } from './control-plane-files.ts';
import { startDnsServer } from './dns-server.ts';
import { bindMount, mountRunDir, setUpNetwork, useDnsServer } from './network.ts';
import { PLAN_VARIABLE, readPlan, type WorldPlan } from './plan.ts';
import { POSTGRES_VERSIONS, packagedPostgres } from './postgres-binaries.ts';
import { startPostgresGroup } from './postgres-group.ts';
import { listenToLauncher, runCommand } from './run-command.ts';
import { findProgram } from './search-path.ts';
import { signalNumber } from './signals.ts';
import type { WorldDescription } from './world-description.ts';

/** As of `docker run`: the command was not run at all. */
const FAILED = 125;
const SHELLS = new Set(['bash', 'sh', 'dash', 'zsh', 'fish', 'ksh']);

interface RunningWorld {
  readonly description: WorldDescription;
  readonly controlPlane: ControlPlane;
}

/** First and last process of interest inside the namespaces: when it ends, for whatever reason, all others are killed. */
async function main(): Promise<number> {
  const plan = readPlan(process.env[PLAN_VARIABLE]);
  // Until there is a command to pass it to, a signal ends the world.
  let onSignal = (signal: NodeJS.Signals): void => process.exit(128 + signalNumber(signal));
  listenToLauncher((signal) => onSignal(signal));
  const pending = new Set<string>();
  const describe = (): string => `starting ${[...pending].join(' and ') || 'the world'}`;
  const world = await withProgress(stderrVoice, describe, () => startWorld(plan, pending));
  if (!plan.options.quiet) introduce(plan, world.description);
  const { [PLAN_VARIABLE]: _plan, ...env } = process.env;
  const command = runCommand(
    plan.command,
    {
      ...env,
      PATH: `${join(plan.runDir, 'bin')}:${process.env.PATH}`,
      KUBECONFIG: world.description.kubeconfig,
      WORLD: JSON.stringify(world.description),
    },
    (send) => {
      onSignal = send;
    },
  );
  // Ctrl-C is for the command; the world ends after it.
  process.on('SIGINT', () => {});
  process.on('SIGQUIT', () => {});
  return await Promise.race([command, world.controlPlane.failed]);
}

/** `pending` shows what is waited for. */
async function startWorld(plan: WorldPlan, pending: Set<string>): Promise<RunningWorld> {
  const { runDir, options, binaries } = plan;
  await Promise.all([setUpNetwork(), mountRunDir(runDir)]);
  const postgresBin = await providePostgres(runDir);
  await mkdir(join(runDir, 'bin'), { mode: 0o755 });
  await symlink(binaries.kubectl, join(runDir, 'bin', 'kubectl'));
  const dns = await startDnsServer(DNS_ADDRESS, 53);
  await useDnsServer(runDir);
  const files = await writeControlPlaneFiles(join(runDir, 'keys'));
  const starting = startControlPlane({ binaries, files, runDir: join(runDir, 'kubernetes') }, options);
  await startControlEndpoint(CONTROL_ADDRESS, CONTROL_PORT, { dns, controlPlane: starting });
  const base = {
    runDir,
    postgresBin,
    postgresVersion: options.postgres,
    control: `http://${CONTROL_ADDRESS}:${CONTROL_PORT}`,
  };
  const groupOptions = { name: 'pg', number: DEFAULT_GROUP, members: options.members, sync: options.sync };
  const awaited = async <T>(what: string, work: Promise<T>): Promise<T> => {
    pending.add(what);
    const result = await work;
    pending.delete(what);
    return result;
  };
  const [controlPlane, group] = await Promise.all([
    awaited('the Kubernetes control plane', starting),
    options.members === 0 ? null : awaited(`${options.members} PostgreSQL`, startPostgresGroup(base, groupOptions)),
  ]);
  const description: WorldDescription = {
    ...base,
    members: (group?.members ?? []).map((member) => member.description),
    apiServer: controlPlane.apiServer,
    kubeconfig: controlPlane.kubeconfig,
    serviceCidrs: [...SERVICE_CIDRS],
    dnsServer: DNS_ADDRESS,
  };
  return { description, controlPlane };
}

async function providePostgres(runDir: string): Promise<Record<string, string>> {
  const folders: Record<string, string> = {};
  for (const version of POSTGRES_VERSIONS) {
    const folder = join(runDir, `postgresql-${version}`);
    await mkdir(folder, { mode: 0o755 });
    await bindMount(packagedPostgres(version), folder);
    folders[version] = join(folder, 'bin');
  }
  return folders;
}

function introduce(plan: WorldPlan, world: WorldDescription): void {
  const seconds = ((Date.now() - plan.startedAt) / 1000).toFixed(1);
  const members = world.members.map(({ name, address, port }) => `${name} ${address}:${port}`).join(', ');
  const parts = [`ready in ${seconds} s`, `API server ${world.apiServer}`];
  if (members !== '') parts.push(`PostgreSQL ${world.postgresVersion}: ${members}, user and password postgres`);
  process.stderr.write(`world: ${parts.join('; ')}\n`);
  const [program = ''] = plan.command;
  if (plan.command.length > 1 || !SHELLS.has(basename(program))) return;
  const psql = findProgram('psql', process.env.PATH ?? '') === null ? 'psql is not installed here' : 'psql works';
  process.stderr.write(`world: kubectl works in this shell, ${psql}; exit ends the world\n`);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`world: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(FAILED);
  },
);
