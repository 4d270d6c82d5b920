/**
 * One worker per resource: it looks at the members all the time, and whenever something was seen or changed it runs once
 * through observe -> decide -> record -> act -> publish -> report. Every replica looks; only the leader writes.
 */
import { parseDatabaseFailover } from '../api/parse.ts';
import { RESOURCES } from '../api/resources.ts';
import type { Status } from '../api/status.ts';
import { decide } from '../decide/rules.ts';
import type { KubeObject } from '../ports/kube.ts';
import { buildInvalidStatus, invalidSpec } from '../report/status.ts';
import { worthWriting } from '../report/status-change.ts';
import { createAccessKeeper } from './access-keeper.ts';
import { type Assessment, assess } from './assess.ts';
import { beginAttempt } from './attempt-intent.ts';
import { advanceAttempt } from './attempts.ts';
import type { Environment } from './environment.ts';
import { type Group, newGroup, noteTouched, routeOwner, unreadableAttempt } from './group.ts';
import { maintainRecord } from './maintenance.ts';
import { createProber } from './prober.ts';
import { recordFromStatus } from './record.ts';
import { emitEvents, reportStatus } from './reporting.ts';
import { noteRequest, processRequests } from './requests.ts';
import { publishOrTell } from './routing.ts';
import { adoptSpec } from './spec-update.ts';
import { fingerprint, isWiped, refreshRecord, writeConditions, writeStatus } from './status-writer.ts';
import { routeOnRecord } from './told-route.ts';

export interface Worker {
  readonly group: Group;
  /** The resource as a watch or a list showed it. */
  update(object: KubeObject): void;
  updateRequest(object: KubeObject): void;
  forgetRequest(name: string): void;
  /** Something of ours, or beside ours, changed in the cluster; null: it is not known what. */
  touchRoutes(object: KubeObject | null): void;
  /** One pass. Resolves with ms after which to come back, null: only when something happens. */
  reconcile(): Promise<number | null>;
  stop(): void;
}

/** While the primary is in doubt or an adoption is due, a pass follows at least this often. */
const IDLE_MS = 5000;

export function createWorker(object: KubeObject, env: Environment, wake: () => void): Worker | null {
  const parsed = parseDatabaseFailover(object);
  if (!parsed.ok) return null;
  const prober = createProber({
    clock: env.clock,
    random: env.random,
    connector: env.connector,
    onEvidence: (evidence) => {
      env.telemetry.looked(group.key, evidence);
      access.noteEvidence(evidence);
      wake();
    },
  });
  const group = newGroup(object, parsed, prober, env.region);
  const access = createAccessKeeper(group, env, wake);
  group.onNewSpec = access.apply;
  access.apply();
  return {
    group,
    update: (next) => takeOver(group, env, next),
    updateRequest: (request) => noteRequest(group, request),
    forgetRequest: (name) => void group.requests.delete(name),
    touchRoutes: (changed) => {
      group.routesDirty = true;
      // Who begins to lead reads everything anyway.
      if (group.recordVerified) noteTouched(group, changed);
    },
    reconcile: () => reconcile(group, env),
    stop: () => {
      group.deleted = true;
      access.stop();
      prober.stop();
      env.telemetry.forget(group.key);
    },
  };
}

/** A newer version of the resource. What does not parse is reported and the last good spec stays in force. */
function takeOver(group: Group, env: Environment, object: KubeObject): void {
  if ((object.metadata.generation ?? 0) < group.generation) return;
  const parsed = parseDatabaseFailover(object);
  group.object = object;
  group.invalid = parsed.ok ? [] : parsed.problems;
  if (!parsed.ok) return;
  group.unreadable = unreadableAttempt(parsed.statusProblems);
  adoptSpec(group, env, object, parsed.spec);
  if (env.leadership.isLeader()) compareRecord(group, parsed.status);
  else {
    group.status = parsed.status;
    group.record = recordFromStatus(parsed.status);
    group.resourceVersion = object.metadata.resourceVersion;
  }
}

/**
 * Who leads believes no event, for it may be late: it only learns that it should read. In particular the version of the
 * event is not taken over, or a pass that is under way could overwrite what somebody else recorded (I3).
 */
function compareRecord(group: Group, status: Status): void {
  if (!group.recordVerified) return;
  if (isWiped(status) && !isWiped(group.status)) {
    // Written again from memory; a stale event costs one needless write at most.
    group.status = { ...status };
    group.rewriteStatus = true;
  } else if (fingerprint(recordFromStatus(status)) !== fingerprint(recordFromStatus(group.status))) {
    group.recordVerified = false;
  }
}

async function reconcile(group: Group, env: Environment): Promise<number | null> {
  if (group.deleted) return null;
  const startedMs = env.clock.monotonicMs();
  const signal = env.leadership.termSignal();
  if (signal !== group.term) beginTerm(group, signal);
  if (signal === null || !env.leadership.isLeader()) {
    group.recordVerified = false;
    observeOnly(group, env);
    return IDLE_MS;
  }
  try {
    const again = await lead(group, env, signal);
    env.telemetry.reconciled(group.key, env.clock.monotonicMs() - startedMs, false);
    return again === null ? IDLE_MS : Math.min(again, IDLE_MS);
  } catch (error) {
    env.telemetry.reconciled(group.key, env.clock.monotonicMs() - startedMs, true);
    throw error;
  } finally {
    // The resource went while the pass was under way: its series must not stay behind.
    if (group.deleted) env.telemetry.forget(group.key);
  }
}

/** A replica that does not lead knows what is published from the status, and looks for itself. */
function observeOnly(group: Group, env: Environment): void {
  group.told = routeOnRecord(group);
  group.published = group.told;
  const seen = assess(group, env);
  group.decision = decide(seen.observation);
  group.views = seen.views;
  hurryIfLost(group);
  env.telemetry.judged(group.key, group.settings, seen.views, group.told);
}

async function lead(group: Group, env: Environment, signal: AbortSignal): Promise<number | null> {
  if (!group.recordVerified && !(await takeTheLead(group, env, signal))) return null;
  if (group.unreadable.length > 0) {
    await reportUnreadable(group, env, signal);
    return null;
  }
  if (group.invalid.length > 0) await reportInvalid(group, env, signal);
  let seen = judge(group, env);
  let againInMs: number | null = null;
  if (group.record.attempt === null && (await maybeBegin(group, env, seen, signal))) seen = judge(group, env);
  if (group.record.attempt !== null) {
    againInMs = await advanceAttempt(group, env, signal);
    seen = judge(group, env);
  }
  // An adoption that is due publishes by itself; before it the lags could not be told.
  const published =
    group.record.attempt === null && group.decision?.action.kind !== 'Begin'
      ? await publishOrTell(group, env, seen, signal)
      : null;
  await reportStatus(group, env, seen, signal);
  if (published?.kind === 'Failed') throw published.error;
  return sooner(sooner(againInMs, published?.againInMs ?? null), group.requestsAgainInMs);
}

/** What is on record may be older than what the last leader wrote: read it, and what is published, before anything else. */
async function takeTheLead(group: Group, env: Environment, signal: AbortSignal): Promise<boolean> {
  if ((await refreshRecord(group, env, signal)) === 'Gone') return false;
  try {
    group.snapshot = await env.publisher.read(routeOwner(group), group.spec, { signal });
  } catch (error) {
    // Both or neither: to somebody with the record alone nothing would seem to be published.
    group.recordVerified = false;
    throw error;
  }
  group.routesDirty = true;
  group.touched = [];
  return true;
}

/** Another term begins without knowing anything. Within one, what is read again does not undo what was published. */
function beginTerm(group: Group, term: AbortSignal | null): void {
  group.term = term;
  group.recordVerified = false;
  group.published = null;
  group.told = null;
  group.reactedAtMs = Number.NEGATIVE_INFINITY;
}

function judge(group: Group, env: Environment): Assessment {
  const first = assess(group, env);
  const decision = decide(first.observation);
  const record = maintainRecord(group.record, first.observation, decision, env.clock.now());
  const seen =
    record === group.record
      ? first
      : { ...first, observation: { ...first.observation, quarantined: record.quarantined } };
  group.record = record;
  // Each time: who has just begun to lead decided the same before, without telling.
  env.telemetry.decided(group.key, decision);
  group.decision = decision;
  group.views = seen.views;
  hurryIfLost(group);
  env.telemetry.judged(group.key, group.settings, seen.views, group.told);
  return seen;
}

/** Begins what a person ordered, else what the rules say. True: an attempt began. */
async function maybeBegin(group: Group, env: Environment, seen: Assessment, signal: AbortSignal): Promise<boolean> {
  const requests = await processRequests(group, env, seen, signal);
  group.requestsAgainInMs = requests.againInMs;
  if (requests.began) return true;
  const { decision } = group;
  if (decision === null || decision.action.kind !== 'Begin') return false;
  const from = seen.observation.routed ?? group.record.baseline?.primary ?? null;
  const lostAtMs = seen.views.find((view) => view.name === from)?.lostAtMs ?? null;
  return beginAttempt(
    group,
    env,
    {
      kind: decision.action.attempt,
      to: decision.action.to,
      from,
      rule: decision.rule,
      reason: decision.message,
      ...(lostAtMs === null ? {} : { detectionMs: env.clock.monotonicMs() - lostAtMs }),
    },
    signal,
  );
}

async function reportInvalid(group: Group, env: Environment, signal: AbortSignal): Promise<void> {
  const [first, ...rest] = invalidSpec(group.invalid);
  if (first === undefined) return;
  const previous = group.status;
  const next = buildInvalidStatus({
    generation: group.object.metadata.generation ?? 0,
    previous,
    nowMs: env.clock.now(),
    problems: [first, ...rest],
  });
  env.telemetry.reported(group.key, next.conditions ?? []);
  if (!worthWriting(previous, next, env.clock.now())) return;
  if ((await writeStatus(group, env, next, signal)) === 'Written') emitEvents(group, env, previous, next);
}

/** Only the conditions are written: what cannot be read must stand there as it was. */
async function reportUnreadable(group: Group, env: Environment, signal: AbortSignal): Promise<void> {
  const [first, ...rest] = group.unreadable;
  if (first === undefined) return;
  const previous = group.status;
  const { observedGeneration, conditions } = buildInvalidStatus({
    generation: group.generation,
    previous,
    nowMs: env.clock.now(),
    problems: [first, ...rest],
  });
  const next = { ...previous, observedGeneration, conditions };
  env.telemetry.reported(group.key, conditions ?? []);
  if (!worthWriting(previous, next, env.clock.now())) return;
  const object = await env.kube.get(RESOURCES.databaseFailover, group.key, { signal });
  if (object === null) return;
  const stored = await writeConditions(env.kube, object, next, signal);
  group.resourceVersion = stored.metadata.resourceVersion;
  group.status = next;
  emitEvents(group, env, previous, next);
}

/** By what was seen alone: the others are looked at faster also while nothing can be written or this replica does not lead. */
function hurryIfLost(group: Group): void {
  const primary = primaryName(group);
  group.prober.setHurry(group.views.some((view) => view.name === primary && view.verdict !== 'Up'));
}

const primaryName = (group: Group): string | null => group.record.primary ?? group.record.baseline?.primary ?? null;

function sooner(left: number | null, right: number | null): number | null {
  if (left === null) return right;
  return right === null ? left : Math.min(left, right);
}
