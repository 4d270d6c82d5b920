import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type OperatorProcess, startOperatorProcess } from '../../hack/scenario/operator-process.ts';
import { GATEWAY } from '../../hack/world/addresses.ts';
import type { PostgresMember } from '../../hack/world/postgres-member.ts';
import { readWorld } from '../../hack/world/world-description.ts';
import { restored } from '../support/monitored-group.ts';
import { throughout } from '../support/operator-views.ts';
import { openScene, type Scene } from '../support/scene.ts';
import { monitoredGroup } from '../support/staged-group.ts';
import { type Ruling, type SeenWrite, type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';

/** A follow makes about ten writes. */
const MOST_WRITES = 30;

const statusPatch = z.object({
  kind: z.literal('DatabaseFailover'),
  status: z.looseObject({
    attempt: z.looseObject({ epoch: z.number() }).optional(),
    history: z.array(z.looseObject({ epoch: z.number() })).default([]),
  }),
});

/** Counts the writes of the attempt of `epoch`, from the one that records its intent to the one that records its end. */
class AttemptWrites {
  readonly seen: string[] = [];
  hasEnded = false;
  readonly #epoch: number;
  readonly #stop: { readonly at: number; readonly how: Ruling };

  constructor(epoch: number, stop: { readonly at: number; readonly how: Ruling }) {
    this.#epoch = epoch;
    this.#stop = stop;
  }

  rule = ({ method, path, body }: SeenWrite): Ruling => {
    const parsed = statusPatch.safeParse(body);
    const status = parsed.success ? parsed.data.status : null;
    if (this.hasEnded || (this.seen.length === 0 && status?.attempt?.epoch !== this.#epoch)) return 'Forward';
    const words = status === null ? '' : status.attempt === undefined ? ' (end)' : ' (intent)';
    this.seen.push(`${method} ${path.split('/').slice(-3).join('/')}${words}`);
    this.hasEnded = status?.history[0]?.epoch === this.#epoch;
    return this.seen.length === this.#stop.at ? this.#stop.how : 'Forward';
  };
}

interface Leader {
  readonly operator: OperatorProcess;
  readonly proxy: StallingProxy;
}

const group = monitoredGroup({ name: 'resume', members: ['a', 'b'] });

describe.each([
  ['before a write reached the API server', 'HoldBefore'],
  ['after a write was done and before it was answered', 'HoldAfter'],
] as const)('killed %s', (_, how) => {
  let scene: Scene;
  let primary: PostgresMember;
  let standby: PostgresMember;
  let leader: Leader | null = null;
  let starts = 0;

  const killLeader = async (): Promise<void> => {
    await leader?.operator.kill();
    await leader?.proxy.close();
    leader = null;
  };

  const startLeader = async (): Promise<Leader> => {
    await killLeader();
    // Nobody needs to wait for the Lease of a process that is surely dead.
    await scene.stage.remove('Lease', 'database-failover-operator');
    const proxy = await startStallingProxy(scene.stage.kubeconfig);
    starts += 1;
    const operator = await startOperatorProcess({
      program: 'src/main.ts',
      namespace: scene.stage.namespace,
      listen: { host: GATEWAY, port: how === 'HoldBefore' ? 18_080 : 18_081 },
      dnsServer: readWorld().dnsServer,
      kubeconfig: proxy.kubeconfig,
      logFile: join(readWorld().runDir, `operator-${scene.stage.namespace}.log`),
      identity: `operator-${starts}`,
      flags: ['--retry-period', '500ms'],
    });
    leader = { operator, proxy };
    return leader;
  };

  beforeAll(async () => {
    const roles = await restored(group);
    primary = roles.primary;
    standby = roles.standbys[0] ?? roles.primary;
    scene = await openScene(group);
    await startLeader();
    await scene.untilRouted(primary.name, [standby.name]);
  });
  afterAll(async () => {
    await killLeader();
    await scene?.close();
  });

  /** Others switch over; the operator dies at that write of what it does about it, if there are so many. */
  async function dieAtWrite(at: number, epoch: number): Promise<AttemptWrites> {
    const writes = new AttemptWrites(epoch, { at, how });
    const { proxy } = leader ?? (await startLeader());
    proxy.obey(writes.rule);
    await primary.stop('fast');
    await standby.promote();
    const ended = scene.untilEpoch(epoch, 60_000);
    await Promise.race([proxy.holding, ended]);
    // The last write is held only after it was done, so its effect may be seen first.
    if (writes.seen.length === at) {
      await proxy.holding;
      await startLeader();
    }
    await ended;
    return writes;
  }

  test('has a successor that brings the attempt to the same end, whichever write it was', async () => {
    let hasEnough = false;
    for (let at = 1; at <= MOST_WRITES && !hasEnough; at += 1) {
      const epoch = at + 1;
      const writes = await dieAtWrite(at, epoch);
      const told = `killed at write ${at}: ${writes.seen.at(-1)}`;
      await scene.untilRouted(standby.name);
      const entries = scene.statuses.entries.filter(({ attempt }) => attempt?.epoch === epoch);
      expect(new Set(entries.map(({ attempt }) => `${attempt?.startedAt} ${attempt?.to}`)).size, told).toBe(1);
      await throughout(300, async () => {
        const status = scene.statuses.entries.at(-1);
        expect(status, told).toMatchObject({ epoch, primary: standby.name });
        expect(
          status?.history?.filter((entry) => entry.epoch === epoch),
          told,
        ).toMatchObject([{ kind: 'Follow', from: primary.name, to: standby.name, outcome: 'Completed' }]);
      });
      hasEnough = writes.hasEnded && writes.seen.length < at;
      expect(writes.seen.length, told).toBe(hasEnough ? at - 1 : at);
      if (hasEnough) process.stdout.write(`a follow makes ${writes.seen.length} writes: ${writes.seen.join(', ')}\n`);
      await primary.becomeStandbyOf(standby);
      await primary.start();
      await group.waitUntilStreaming(standby);
      [primary, standby] = [standby, primary];
      await scene.untilRouted(primary.name, [standby.name]);
    }
    expect(hasEnough).toBe(true);
    expect(scene.routes.entries.filter(({ readWrite }) => readWrite.length > 1)).toEqual([]);
  }, 180_000);
});
