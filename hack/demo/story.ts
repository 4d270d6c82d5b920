/** The story of `--fault follow`, told with real parts; the last line of `--json` is its result. */
import { setTimeout as sleep } from 'node:timers/promises';
import { kubectl } from '../scenario/kubectl.ts';
import type { PostgresMember } from '../world/postgres-member.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { DATABASE, NAMESPACE, RESOURCE } from './objects.ts';
import { type Stage, setStage, waitReady } from './stage.ts';

interface Outcome {
  readonly scenario: 'follow';
  /** From the return of pg_promote to the next acknowledged write. */
  readonly outageMs: number;
  readonly acked: number;
  readonly lostAckedWrites: number;
  readonly epoch: number;
  readonly from: string;
  readonly to: string;
  readonly oldPrimaryRoutedAfter: number;
}

/** Issue: reachable through the ClusterIP within 1.5 s at defaults. */
const OUTAGE_BOUND_MS = 1500;
const HEALTHY_MS = 3000;
const OLD_PRIMARY_WATCHED_MS = 5000;
const DEADLINE_MS = 60_000;

async function tell(narrator: Narrator, stage: Stage): Promise<Outcome> {
  const { group, writer } = stage;
  const from = group.member('frankfurt');
  const to = group.member('virginia');
  narrator.show('kubectl get dbf', await get('dbf', RESOURCE));
  narrator.say('an application inserts a row every 10 ms through orders-rw, another reads through orders-ro');
  await sleep(HEALTHY_MS);
  narrator.say(
    `${writer.acknowledged.length} writes acknowledged, all by ${[...new Set(writer.acknowledged.map(({ server }) => nameOf(stage, server)))].join(', ')}`,
  );

  narrator.say('kill -9 of every process of frankfurt');
  await from.kill();
  await untilDecision('PrimaryDown');
  narrator.say(`the operator says: ${await message()}`);

  await untilCaughtUp(to);
  narrator.say('a person runs SELECT pg_promote() on virginia');
  await to.promote();
  const promotedMs = performance.now();
  const first = await writer.nextAfter(promotedMs, DEADLINE_MS);
  const outageMs = Math.round(first.atMs - promotedMs);
  narrator.say(`first write acknowledged by ${nameOf(stage, first.server)}, ${outageMs} ms after the promotion`);
  await kubectl([
    '-n',
    NAMESPACE,
    'wait',
    '--for=jsonpath={.status.primary}=virginia',
    `dbf/${RESOURCE}`,
    '--timeout=30s',
  ]);

  narrator.say(`milliseconds per step: ${await status('history[0].steps')}`);

  narrator.say('frankfurt comes back, still believing that it is the primary');
  const backAt = performance.now();
  await from.start();
  await untilMember(from.name, 'Primary');
  await sleep(OLD_PRIMARY_WATCHED_MS);
  const after = writer.acknowledged.filter(({ server, atMs }) => server === from.address && atMs > backAt).length;
  narrator.say(
    `frankfurt accepts writes and got ${after} of ${writer.acknowledged.filter(({ atMs }) => atMs > backAt).length} since: it is kept out`,
  );
  narrator.show(
    `kubectl get dbf ${RESOURCE} -o yaml (members)`,
    await kubectl([
      '-n',
      NAMESPACE,
      'get',
      'dbf',
      RESOURCE,
      '-o',
      'jsonpath={range .status.members[*]}{.name}{"\\t"}{.role}{"\\t"}{.verdict}{"\\tquarantined at epoch: "}{.quarantinedAtEpoch}{"\\n"}{end}',
    ]),
  );

  narrator.say('a person makes frankfurt and dublin standbys of virginia');
  await from.stop('immediate');
  await from.rejoin(to);
  await group.member('dublin').stop();
  await group.member('dublin').rejoin(to);
  await waitReady();
  await untilReaders(2);
  narrator.show('kubectl get dbf -o wide', await get('dbf', RESOURCE, '-o', 'wide'));
  narrator.show(
    'kubectl get configmap orders-db',
    await kubectl([
      '-n',
      NAMESPACE,
      'get',
      'configmap',
      'orders-db',
      '-o',
      'jsonpath={range .data}{.DATABASE_URL}{"\\n"}{.DATABASE_REPLICA_URL}{"\\n"}{end}',
    ]),
  );
  narrator.show(
    'kubectl get events',
    await kubectl([
      '-n',
      NAMESPACE,
      'get',
      'events',
      '--sort-by=.metadata.creationTimestamp',
      '-o',
      'custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message',
    ]),
  );
  await stage.writer.stop();
  const lost = await lostWrites(stage, to);
  const epoch = Number(await kubectl(['-n', NAMESPACE, 'get', 'dbf', RESOURCE, '-o', 'jsonpath={.status.epoch}']));
  const outcome: Outcome = {
    scenario: 'follow',
    outageMs,
    acked: writer.acknowledged.length,
    lostAckedWrites: lost,
    epoch,
    from: from.name,
    to: to.name,
    oldPrimaryRoutedAfter: after,
  };
  narrator.say(
    `outage after the promotion, as the writer felt it: ${outageMs} ms; ${outcome.acked} writes acknowledged, ${lost} of them lost with the old primary (replication is asynchronous here)`,
  );
  return outcome;
}

const get = (...args: readonly string[]): Promise<string> => kubectl(['-n', NAMESPACE, 'get', ...args]);
const status = (path: string): Promise<string> =>
  kubectl(['-n', NAMESPACE, 'get', 'dbf', RESOURCE, '-o', `jsonpath={.status.${path}}`]);
const message = (): Promise<string> => status('decision.message');

const untilDecision = (reason: string) =>
  kubectl([
    '-n',
    NAMESPACE,
    'wait',
    `--for=jsonpath={.status.decision.reason}=${reason}`,
    `dbf/${RESOURCE}`,
    '--timeout=60s',
  ]);
const untilMember = (name: string, role: string) =>
  kubectl([
    '-n',
    NAMESPACE,
    'wait',
    `--for=jsonpath={.status.members[?(@.name=="${name}")].role}=${role}`,
    `dbf/${RESOURCE}`,
    '--timeout=30s',
  ]);

async function untilReaders(count: number): Promise<void> {
  const endsAt = performance.now() + DEADLINE_MS;
  while ((await status('members[?(@.readSet==true)].name')).split(' ').length < count) {
    if (performance.now() > endsAt) throw new Error(`fewer than ${count} standbys serve reads`);
    await sleep(100);
  }
}

/** A person promotes the standby that has replayed everything it received. */
async function untilCaughtUp(standby: PostgresMember): Promise<void> {
  const endsAt = performance.now() + DEADLINE_MS;
  for (;;) {
    const [row] = await standby.sql('SELECT pg_last_wal_replay_lsn() >= pg_last_wal_receive_lsn() AS done');
    if (row?.done === true) return;
    if (performance.now() > endsAt) throw new Error(`${standby.name} does not catch up`);
    await sleep(20);
  }
}

async function lostWrites(stage: Stage, primary: PostgresMember): Promise<number> {
  const rows = await primary.sql('SELECT id::int AS id FROM writes', [], { database: DATABASE });
  const present = new Set(rows.map((row) => Number(row.id)));
  return stage.writer.acknowledged.filter(({ id }) => !present.has(id)).length;
}

function nameOf(stage: Stage, address: string): string {
  return (
    stage.group.members.find((member) => member.address === address || member.address6 === address)?.name ?? address
  );
}

async function untilInterrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const narrator = createNarrator(json ? process.stderr : process.stdout);
  const stage = await setStage(narrator);
  try {
    const outcome = await tell(narrator, stage);
    const held = outcome.outageMs <= OUTAGE_BOUND_MS && outcome.oldPrimaryRoutedAfter === 0 && outcome.epoch === 2;
    if (args.includes('--keep')) {
      narrator.say('still up; Ctrl-C ends it. In another shell of this world: kubectl -n shop get dbf');
      await untilInterrupted();
    }
    if (json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
    if (!held)
      process.stderr.write(
        `demo: not all held: the outage must be at most ${OUTAGE_BOUND_MS} ms, the old primary must get no write, the epoch must be 2\n`,
      );
    return held ? 0 : 1;
  } finally {
    await stage.leave();
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(125);
  },
);
