/** The story of `--fault follow`, told with real parts; the last line of `--json` is its result. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresMember } from '../world/postgres-member.ts';
import { createNarrator, type Narrator } from './narrator.ts';
import { DATABASE, NAMESPACE, RESOURCE } from './objects.ts';
import { conditionsTable, get, membersTable, status, untilStatus } from './questions.ts';
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
  /** Writes that the old primary acknowledged after it had come back. */
  readonly oldPrimaryRoutedAfter: number;
}

/** With the old primary known dead, a promotion is reachable through the ClusterIP within this, at defaults. */
const OUTAGE_BOUND_MS = 1500;
const HEALTHY_MS = 3000;
const OLD_PRIMARY_WATCHED_MS = 5000;
const DEADLINE_MS = 60_000;

async function tell(narrator: Narrator, stage: Stage): Promise<Outcome> {
  const from = stage.group.member('frankfurt');
  const to = stage.group.member('virginia');
  await tellHealthy(narrator, stage);
  await tellLoss(narrator, from);
  const outageMs = await tellPromotion(narrator, stage, to);
  const oldPrimaryRoutedAfter = await tellReturn(narrator, stage, from);
  await tellRepair(narrator, stage, from, to);

  await stage.writer.stop();
  const acked = stage.writer.acknowledged.length;
  const lostAckedWrites = await lostWrites(stage, to);
  const { epoch } = await status();
  narrator.say(
    `outage after the promotion, as the writer felt it: ${outageMs} ms; ${acked} writes acknowledged, ` +
      `${lostAckedWrites} of them lost with the old primary (replication is asynchronous here)`,
  );
  return {
    scenario: 'follow',
    outageMs,
    acked,
    lostAckedWrites,
    epoch,
    from: from.name,
    to: to.name,
    oldPrimaryRoutedAfter,
  };
}

async function tellHealthy(narrator: Narrator, stage: Stage): Promise<void> {
  await untilStatus('two standbys serve reads', ({ members }) => members.filter(({ readSet }) => readSet).length === 2);
  narrator.show('kubectl -n shop get dbf', await get('dbf'));
  narrator.say('an application inserts a row every 10 ms through orders-rw, another reads through orders-ro');
  await sleep(HEALTHY_MS);
  const { acknowledged } = stage.writer;
  narrator.say(
    `${acknowledged.length} writes acknowledged by ${servers(
      stage,
      acknowledged.map(({ server }) => server),
    )}; reads served by ${servers(stage, stage.reader.served.keys())}`,
  );
}

async function tellLoss(narrator: Narrator, primary: PostgresMember): Promise<void> {
  narrator.say(`kill -9 of every process of ${primary.name}`);
  await primary.kill();
  const { decision } = await untilStatus(
    'the primary counts as dead',
    (seen) => seen.decision.reason === 'PrimaryDown',
  );
  narrator.say(`the operator holds (rule ${decision.rule}): ${decision.message}`);
}

async function tellPromotion(narrator: Narrator, stage: Stage, standby: PostgresMember): Promise<number> {
  await untilCaughtUp(standby);
  narrator.say(`a person runs SELECT pg_promote() on ${standby.name}`);
  await standby.promote();
  const promotedMs = performance.now();
  const first = await stage.writer.nextAfter(promotedMs, DEADLINE_MS);
  const outageMs = Math.round(first.atMs - promotedMs);
  narrator.say(`first write acknowledged by ${servers(stage, [first.server])}, ${outageMs} ms after the promotion`);
  const { history } = await untilStatus('the attempt is on record', (seen) => seen.history[0]?.epoch === 2);
  narrator.say(`milliseconds per step: ${JSON.stringify(history[0]?.steps)}`);
  return outageMs;
}

async function tellReturn(narrator: Narrator, stage: Stage, old: PostgresMember): Promise<number> {
  narrator.say(`${old.name} comes back, still believing that it is the primary`);
  const backAtMs = performance.now();
  await old.start();
  await untilStatus(
    'the old primary is seen',
    ({ members }) => members.find(({ name }) => name === old.name)?.verdict === 'Up',
  );
  await sleep(OLD_PRIMARY_WATCHED_MS);
  const since = stage.writer.acknowledged.filter(({ atMs }) => atMs > backAtMs);
  const routed = since.filter(({ server }) => server === old.address || server === old.address6).length;
  narrator.say(`it accepts writes and got ${routed} of the ${since.length} since: it is kept out`);
  narrator.list('members in the status', membersTable(await status()));
  return routed;
}

async function tellRepair(
  narrator: Narrator,
  stage: Stage,
  old: PostgresMember,
  primary: PostgresMember,
): Promise<void> {
  const dublin = stage.group.member('dublin');
  narrator.say(`a person makes ${old.name} and ${dublin.name} standbys of ${primary.name}`);
  await Promise.all([old.stop('immediate'), dublin.stop()]);
  await old.rejoin(primary);
  await dublin.rejoin(primary);
  await waitReady();
  const end = await untilStatus(
    'two standbys serve reads',
    ({ members }) => members.filter(({ readSet }) => readSet).length === 2,
  );
  narrator.show('kubectl -n shop get dbf -o wide', await get('dbf', '-o', 'wide'));
  narrator.list('conditions in the status', conditionsTable(end));
  const urls = 'jsonpath={range .data}{.DATABASE_URL}{"\\n"}{.DATABASE_REPLICA_URL}{"\\n"}{end}';
  narrator.list('URLs in the ConfigMap orders-db, the same all along', await get('configmap', 'orders-db', '-o', urls));
  narrator.show(
    'kubectl -n shop get events',
    await get(
      'events',
      '--sort-by=.metadata.creationTimestamp',
      '-o',
      'custom-columns=TYPE:.type,REASON:.reason,MESSAGE:.message',
    ),
  );
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

/** Names of the members behind these addresses, each once. */
function servers(stage: Stage, addresses: Iterable<string>): string {
  const nameOf = (address: string) =>
    stage.group.members.find((member) => member.address === address || member.address6 === address)?.name ?? address;
  return [...new Set([...addresses].map(nameOf))].sort().join(' and ');
}

async function untilInterrupted(): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', () => resolve());
    process.once('SIGTERM', () => resolve());
  });
}

/** Exit code 0 only if all held. */
function verdict(outcome: Outcome): number {
  const broken = [
    ...(outcome.outageMs <= OUTAGE_BOUND_MS ? [] : [`the outage was above ${OUTAGE_BOUND_MS} ms`]),
    ...(outcome.oldPrimaryRoutedAfter === 0 ? [] : ['the old primary acknowledged writes after it came back']),
    ...(outcome.epoch === 2 ? [] : [`the epoch is ${outcome.epoch}, not 2`]),
  ];
  for (const line of broken) process.stderr.write(`demo: did not hold: ${line}\n`);
  return broken.length === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  const json = args.includes('--json');
  const narrator = createNarrator(json ? process.stderr : process.stdout);
  const stage = await setStage(narrator);
  try {
    const outcome = await tell(narrator, stage);
    if (args.includes('--keep')) {
      narrator.say(`still up; Ctrl-C ends it`);
      narrator.say(`for example: kubectl -n ${NAMESPACE} describe dbf ${RESOURCE}`);
      await untilInterrupted();
    }
    if (json) process.stdout.write(`${JSON.stringify(outcome)}\n`);
    return verdict(outcome);
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
