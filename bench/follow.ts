/**
 * The primary is killed and counts as dead; then somebody promotes a standby. Measured through the ClusterIP, as an
 * application would: from the return of pg_promote to the next acknowledged write.
 */

import { cpus } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startWriter, WRITES_TABLE } from '../hack/scenario/client.ts';
import { applyObjects, kubectl } from '../hack/scenario/kubectl.ts';
import { startOperatorProcess } from '../hack/scenario/operator-process.ts';
import { type PostgresGroup, startPostgresGroup } from '../hack/world/postgres-group.ts';
import { readWorld, type WorldDescription } from '../hack/world/world-description.ts';
import type { BenchOptions } from './options.ts';
import { spreadOf } from './spread.ts';

const DETECTION = {
  default: {},
  tuned: { interval: '200ms', timeout: '500ms' },
} as const;
const DEADLINE_MS = 60_000;
const WRITE_EVERY_MS = 5;

interface Run {
  readonly outageMs: number;
  /** Milliseconds of the attempt's steps, as the operator recorded them. */
  readonly steps: Readonly<Record<string, number>>;
}

async function measure(world: WorldDescription, options: BenchOptions, number: number): Promise<Run> {
  const namespace = `bench-${number}`;
  await using group = await startPostgresGroup(world, { name: namespace, members: 3 });
  const [primary, standby] = group.members;
  if (primary === undefined || standby === undefined) throw new RangeError('a group of three has two members');
  await primary.sql(WRITES_TABLE);
  await kubectl(['create', 'namespace', namespace]);
  await applyObjects(objectsOf(group, namespace, options));
  const operator = await startOperatorProcess({
    program: 'dist/main.js',
    namespace,
    listen: { host: '10.77.0.1', port: 8100 + number },
    dnsServer: world.dnsServer,
    kubeconfig: world.kubeconfig,
    logFile: join(world.runDir, `${namespace}.log`),
  });
  try {
    await kubectl(['-n', namespace, 'wait', '--for=condition=Ready', 'dbf/orders', '--timeout=60s']);
    const host = await kubectl(['-n', namespace, 'get', 'service', 'orders-rw', '-o', 'jsonpath={.spec.clusterIP}']);
    const writer = startWriter(
      { host, port: 5432, database: 'postgres', user: 'postgres', password: 'postgres' },
      WRITE_EVERY_MS,
    );
    try {
      await writer.nextAfter(performance.now(), DEADLINE_MS);
      await primary.kill();
      await kubectl([
        '-n',
        namespace,
        'wait',
        '--for=jsonpath={.status.decision.reason}=PrimaryDown',
        'dbf/orders',
        '--timeout=60s',
      ]);
      // Anywhere within a probe interval, as in life.
      await sleep(Math.random() * 1000);
      await standby.promote();
      const promotedMs = performance.now();
      const first = await writer.nextAfter(promotedMs, DEADLINE_MS);
      await kubectl([
        '-n',
        namespace,
        'wait',
        `--for=jsonpath={.status.primary}=${standby.name}`,
        'dbf/orders',
        '--timeout=60s',
      ]);
      const steps = await kubectl([
        '-n',
        namespace,
        'get',
        'dbf',
        'orders',
        '-o',
        'jsonpath={.status.history[0].steps}',
      ]);
      return { outageMs: Math.round(first.atMs - promotedMs), steps: JSON.parse(steps) };
    } finally {
      await writer.stop();
    }
  } finally {
    await operator.stop();
  }
}

function objectsOf(group: PostgresGroup, namespace: string, { profile }: BenchOptions): readonly object[] {
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'monitor', namespace },
      stringData: { username: 'postgres', password: 'postgres' },
    },
    {
      apiVersion: 'dbfailover.dev/v1alpha1',
      kind: 'DatabaseFailover',
      metadata: { name: 'orders', namespace },
      spec: {
        mode: 'Follow',
        members: group.members.map(({ name, host, port }) => ({ name, host, port })),
        credentials: { monitor: { secretRef: { name: 'monitor' } } },
        tls: { mode: 'Disable' },
        detection: DETECTION[profile],
        routes: { readWrite: { service: 'orders-rw' }, readOnly: { service: 'orders-ro' } },
      },
    },
  ];
}

async function main(options: BenchOptions): Promise<void> {
  const world = readWorld();
  await kubectl(['apply', '--server-side', '-k', 'crds/']);
  await kubectl(['wait', '--for=condition=Established', 'crd/databasefailovers.dbfailover.dev']);
  const about = {
    benchmark: 'follow',
    profile: options.profile,
    postgres: options.postgres,
    minSyncPeriod: options.minSyncPeriod,
    walReceiverTimeout: '5s',
    cores: cpus().length,
    cpu: cpus()[0]?.model,
    node: process.version,
  };
  const runs: Run[] = [];
  for (let number = 1; number <= options.runs; number += 1) {
    const run = await measure(world, options, number);
    runs.push(run);
    process.stdout.write(`${JSON.stringify({ ...about, run: number, ...run })}\n`);
  }
  const outageMs = spreadOf(runs.map((run) => run.outageMs));
  const routingMs = spreadOf(runs.map((run) => run.steps.Routing ?? Number.NaN));
  process.stdout.write(`${JSON.stringify({ ...about, runs: runs.length, outageMs, routingMs })}\n`);
}

main(JSON.parse(process.argv[2] ?? '{}')).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
