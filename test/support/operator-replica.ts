/** The operator as a process of its own, for tests that kill, freeze or measure it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  type OperatorOptions,
  type OperatorProcess,
  startOperatorProcess,
} from '../../hack/scenario/operator-process.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { SHORT_LEASE, type Stage } from './operator-world.ts';

export interface Replica extends OperatorProcess {
  readonly identity: string;
  log(): Promise<string>;
}

const seconds = (ms: number): string => `${ms}ms`;

/** `host`: an address of the test's own group; see `groupAddress`. */
export async function startReplica(
  stage: Stage,
  identity: string,
  host: string,
  flags: readonly string[] = [],
  program: OperatorOptions['program'] = 'src/main.ts',
): Promise<Replica> {
  const world = readWorld();
  const logFile = join(world.runDir, `${stage.namespace}-${identity}.log`);
  const process = await startOperatorProcess({
    program,
    namespace: stage.namespace,
    listen: { host, port: 8080 },
    dnsServer: world.dnsServer,
    kubeconfig: stage.kubeconfig,
    logFile,
    identity,
    flags: [
      ...['--lease-duration', seconds(SHORT_LEASE.leaseDurationMs)],
      ...['--renew-deadline', seconds(SHORT_LEASE.renewDeadlineMs)],
      ...['--retry-period', seconds(SHORT_LEASE.retryPeriodMs)],
      ...flags,
    ],
  });
  return { ...process, identity, log: () => readFile(logFile, 'utf8') };
}

const leaseSchema = z.looseObject({
  spec: z.looseObject({ holderIdentity: z.string().default(''), leaseTransitions: z.number().default(0) }),
});

/** Who leads, as the Lease says; empty when nobody does. */
export async function holderOf(stage: Stage): Promise<string> {
  const lease = await stage.read('Lease', 'database-failover-operator');
  return lease === null ? '' : leaseSchema.parse(lease).spec.holderIdentity;
}
