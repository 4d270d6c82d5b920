/**
 * One random life of a group that others promote: servers die, freeze, return, are promoted, demoted and rebuilt by people who
 * make mistakes; operators crash and lose their lease; the API server fails, conflicts and loses answers; the status is wiped.
 * The real controller runs through it on a clock of its own. At the end people put the group in order, and it must converge.
 */

import { RESOURCES } from '../../src/api/resources.ts';
import { KubeError } from '../../src/ports/kube.ts';
import type { KubeFault } from '../support/fake-kube.ts';
import type { FakeServer } from '../support/fake-members.ts';
import { createWorld, ORDERS, type Replica, type World } from '../support/fake-world.ts';
import { createWitness, type Witness } from './invariants.ts';
import { type SeededRandom, seededRandom } from './seeded-random.ts';

export interface StoryResult {
  readonly seed: number;
  /** What happened, oldest first, with the simulated ms. */
  readonly trace: readonly string[];
  /** Broken invariants, by their names in the design; empty: all held. */
  readonly broken: readonly string[];
}

const MEMBERS = ['a', 'b', 'c'];
const STEPS = 30;
const STEP_MS = 20;
/** Longer than every threshold, grace and backoff that the story can meet. */
const CONVERGES_WITHIN_MS = 180_000;

interface Life {
  readonly world: World;
  readonly random: SeededRandom;
  readonly servers: readonly FakeServer[];
  readonly witness: Witness;
  replicas: readonly Replica[];
  apiDown: boolean;
  readonly say: (text: string) => void;
}

export async function runStory(seed: number): Promise<StoryResult> {
  const random = seededRandom(seed);
  const world = createWorld({ members: MEMBERS });
  const servers = MEMBERS.map((name) => world.server(name));
  const trace: string[] = [];
  const startMs = world.clock.monotonicMs();
  const say = (text: string) => void trace.push(`${Math.round(world.clock.monotonicMs() - startMs)} ms: ${text}`);
  const witness = createWitness(world, servers, say);
  const life: Life = { world, random, servers, witness, replicas: [], apiDown: false, say };
  life.replicas = [startReplica(life, true), startReplica(life, false)];
  try {
    await passTime(life, 3000);
    for (let step = 0; step < STEPS && witness.broken().length === 0; step += 1) {
      happen(life);
      await passTime(life, random.pick([10, 50, 200, 500, 1000, 3000, 8000]));
    }
    if (witness.broken().length === 0) await converge(life);
  } catch (error) {
    witness.note(`exception: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    for (const replica of life.replicas) replica.crash();
  }
  return { seed, trace, broken: witness.broken() };
}

async function passTime(life: Life, ms: number): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
    await life.world.run(Math.min(STEP_MS, ms - passedMs));
    life.witness.look();
    if (life.witness.broken().length > 0) return;
  }
}

function happen(life: Life): void {
  const { random, servers, say } = life;
  const server = random.pick(servers);
  const event = random.pick(EVENTS);
  if (event.when !== undefined && !event.when(server, life)) return;
  say(`${event.name} ${event.ofServer ? server.name : ''}`.trim());
  event.act(server, life);
}

interface StoryEvent {
  readonly name: string;
  readonly ofServer: boolean;
  readonly when?: (server: FakeServer, life: Life) => boolean;
  readonly act: (server: FakeServer, life: Life) => void;
}

const isUp = (server: FakeServer) => server.state === 'Up';
const isWritable = (server: FakeServer) => !server.facts.inRecovery && !server.facts.readOnly;

const ofServer = (name: string, act: StoryEvent['act'], when?: StoryEvent['when']): StoryEvent => ({
  name,
  ofServer: true,
  act,
  ...(when === undefined ? {} : { when }),
});
const ofWorld = (name: string, act: (life: Life) => void, when?: (life: Life) => boolean): StoryEvent => ({
  name,
  ofServer: false,
  act: (_server, life) => act(life),
  ...(when === undefined ? {} : { when: (_server, life) => when(life) }),
});

/** Several entries of one kind make it likelier. */
const EVENTS: readonly StoryEvent[] = [
  ofServer('kill', (server) => server.kill(), isUp),
  ofServer('kill', (server) => server.kill(), isUp),
  ofServer('cut', (server) => server.cut(), isUp),
  ofServer(
    'heal',
    (server) => server.heal(),
    (server) => !isUp(server),
  ),
  ofServer(
    'heal',
    (server) => server.heal(),
    (server) => !isUp(server),
  ),
  ofServer('restart', (server) => server.restart(), isUp),
  ofServer('full', (server) => refuseNew(server), isUp),
  ofServer(
    'promote',
    (server) => server.promote(),
    (server) => isUp(server) && server.facts.inRecovery,
  ),
  ofServer(
    'promote',
    (server) => server.promote(),
    (server) => isUp(server) && server.facts.inRecovery,
  ),
  ofServer(
    'promote',
    (server) => server.promote(),
    (server) => isUp(server) && server.facts.inRecovery,
  ),
  ofServer(
    'read-only',
    (server) => server.setReadOnly(true),
    (server) => isUp(server) && isWritable(server),
  ),
  ofServer(
    'read-write',
    (server) => server.setReadOnly(false),
    (server) => server.facts.readOnly,
  ),
  ofServer(
    'write',
    (server) => server.write(4096),
    (server) => isUp(server) && isWritable(server),
  ),
  ofServer(
    'rebuild as a standby',
    (server, { servers }) => rebuild(server, servers),
    (server, { servers }) => primaryFor(server, servers) !== null,
  ),
  ofWorld('the leader crashes', (life) => restartOperator(life)),
  ofWorld('the lease changes hands', (life) => handOver(life)),
  ofWorld(
    'API server down',
    (life) => setApi(life, true),
    (life) => !life.apiDown,
  ),
  ofWorld(
    'API server up',
    (life) => setApi(life, false),
    (life) => life.apiDown,
  ),
  ofWorld(
    'API server up',
    (life) => setApi(life, false),
    (life) => life.apiDown,
  ),
  ofWorld(
    'the status is wiped',
    ({ world }) => void world.cluster.overwrite(RESOURCES.databaseFailover, ORDERS, { status: {} }),
  ),
  ofWorld('pause', ({ world }) => world.patchSpec({ paused: true })),
  ofWorld('unpause', ({ world }) => world.patchSpec({ paused: false })),
];

function refuseNew(server: FakeServer): void {
  server.rejects = '53300';
}

function setApi(life: Life, isDown: boolean): void {
  life.apiDown = isDown;
}

/** A writable server whose history the rebuilt one can follow. */
function primaryFor(server: FakeServer, servers: readonly FakeServer[]): FakeServer | null {
  return servers.find((other) => other !== server && isUp(other) && isWritable(other)) ?? null;
}

function rebuild(server: FakeServer, servers: readonly FakeServer[]): void {
  const primary = primaryFor(server, servers);
  if (primary === null) return;
  server.heal();
  server.setReadOnly(false);
  server.follow(primary);
}

function startReplica(life: Life, leading: boolean): Replica {
  const replica = life.world.start({ leading });
  replica.kube.fault = (call) => faultOf(life, call.verb);
  return replica;
}

function faultOf({ apiDown, random }: Life, verb: string): KubeFault | null {
  if (apiDown) return new KubeError('Unavailable', 'connection refused');
  if (random.chance(0.01)) return new KubeError('Unavailable', 'HTTP 500', 500);
  if (verb === 'get' || verb === 'list') return null;
  if (random.chance(0.01)) return 'LoseAnswer';
  if (random.chance(0.02)) return new KubeError('Conflict', 'the object has been modified', 409);
  return null;
}

function restartOperator(life: Life): void {
  const [leader, follower] = life.replicas;
  leader?.crash();
  follower?.leadership.win();
  life.replicas = [...(follower === undefined ? [] : [follower]), startReplica(life, false)];
}

function handOver(life: Life): void {
  const [leader, follower] = life.replicas;
  if (leader === undefined || follower === undefined) return;
  leader.leadership.lose();
  follower.leadership.win();
  life.replicas = [follower, leader];
}

/** People put the group in order around one server, and order the route there if the operator holds for good. */
async function converge(life: Life): Promise<void> {
  const { world, servers, say, random } = life;
  life.apiDown = false;
  world.patchSpec({ paused: false });
  const chosen = servers.find((server) => server.name === world.published().primary) ?? random.pick(servers);
  for (const server of servers) server.heal();
  if (chosen.facts.inRecovery) chosen.promote(Math.max(...servers.map((server) => server.facts.timeline)) + 1);
  chosen.setReadOnly(false);
  for (const server of servers) if (server !== chosen) server.follow(chosen);
  say(`in order: ${chosen.name} is the primary, the others follow it`);
  const isThere = () => world.published().readWrite.join() === chosen.name && world.status().attempt === undefined;
  if (await reaches(life, isThere, CONVERGES_WITHIN_MS / 2)) return;
  const { decision } = world.status();
  say(`the operator holds by rule ${decision?.rule}: ${decision?.message}`);
  if (decision === undefined || !/ForceRoute/.test(decision.message)) {
    life.witness.note(`I11: it holds and names no way out: rule ${decision?.rule} ${decision?.message}`);
    return;
  }
  world.request('way-out', { kind: 'ForceRoute', to: chosen.name });
  if (await reaches(life, isThere, CONVERGES_WITHIN_MS / 2)) return;
  life.witness.note(
    `I11: ForceRoute did not lead to ${chosen.name}: ${JSON.stringify(world.requestStatus('way-out'))} ${JSON.stringify(world.status().decision)}`,
  );
}

async function reaches(life: Life, check: () => boolean, withinMs: number): Promise<boolean> {
  for (let passedMs = 0; passedMs < withinMs; passedMs += 500) {
    if (check()) return true;
    await passTime(life, 500);
    if (life.witness.broken().length > 0) return true;
  }
  return check();
}
