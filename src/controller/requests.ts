/**
 * FailoverRequests of one group: evaluates the pending ones, oldest first, and deletes finished ones when their time is over.
 *
 * An order is carried out once. What it began stands in the record under its uid, so that neither a lost report nor a late
 * event begins it again; and it is read afresh before it begins, because deleting it cancels it. A request that cannot be
 * reported or deleted is left alone for a while: it must not keep the group from anything.
 */
import { durationMs } from '../api/duration.ts';
import type { RequestStatus } from '../api/failover-request.ts';
import { parseFailoverRequest } from '../api/parse.ts';
import { API_VERSION, RESOURCES } from '../api/resources.ts';
import type { Condition } from '../api/status.ts';
import { evaluateRequest, type RequestOutcome } from '../decide/requests.ts';
import { KubeError, type KubeObject } from '../ports/kube.ts';
import type { Assessment } from './assess.ts';
import { beginAttempt } from './attempt-intent.ts';
import { type Environment, isoTime } from './environment.ts';
import { type Group, type KnownRequest, routeOwner } from './group.ts';
import { publishedState } from './publisher.ts';
import { INTENT_DEADLINE_MS } from './status-writer.ts';

/** A request that waits for its time is looked at again at least this often. */
const WAIT_MS = 1000;
/** One that could not be reported, read or deleted. */
const TROUBLE_MS = 5000;
/** Bounds of the schema. */
const MESSAGE_LENGTH = 2048;
const GUARD_LENGTH = 512;

export interface RequestsDone {
  /** An attempt began. */
  readonly began: boolean;
  /** When to look again; null: no need. */
  readonly againInMs: number | null;
}

export function noteRequest(group: Group, object: KubeObject): void {
  const parsed = parseFailoverRequest(object);
  const { name, uid } = object.metadata;
  if (name === undefined || !parsed.ok) return;
  const known = group.requests.get(name);
  const isSame = known !== undefined && known.object.metadata.uid === uid;
  // A watch may lag behind what was reported: what is finished, or has begun, stays so.
  if (isSame && isBehind(parsed.status, known.status)) return;
  const notBeforeMs = isSame ? known.notBeforeMs : Number.NEGATIVE_INFINITY;
  group.requests.set(name, { object, spec: parsed.spec, status: parsed.status, notBeforeMs });
}

function isBehind(status: RequestStatus, known: RequestStatus): boolean {
  if (known.finishedAt !== undefined) return status.finishedAt === undefined;
  return known.epoch !== undefined && status.epoch === undefined;
}

export async function processRequests(
  group: Group,
  env: Environment,
  seen: Assessment,
  signal: AbortSignal,
): Promise<RequestsDone> {
  let againInMs: number | null = null;
  for (const request of oldestFirst(group)) {
    const step = await processOne(group, env, request, seen, signal);
    if (step === 'Began') return { began: true, againInMs };
    againInMs = againInMs === null ? step : Math.min(againInMs, step);
  }
  return { began: false, againInMs };
}

/** Milliseconds after which to look at it again, or that its attempt began. */
async function processOne(
  group: Group,
  env: Environment,
  request: KnownRequest,
  seen: Assessment,
  signal: AbortSignal,
): Promise<number | 'Began'> {
  const heldMs = request.notBeforeMs - env.clock.monotonicMs();
  if (heldMs > 0) return heldMs;
  try {
    return await evaluate(group, env, request, seen, signal);
  } catch (error) {
    if (!(error instanceof KubeError) || signal.aborted) throw error;
    env.log.warn({ ...group.key, request: nameOf(request), code: error.code }, 'request could not be processed');
    const known = group.requests.get(nameOf(request)) ?? request;
    group.requests.set(nameOf(request), { ...known, notBeforeMs: env.clock.monotonicMs() + TROUBLE_MS });
    return group.record.attempt?.requestUid === uidOf(request) ? 'Began' : TROUBLE_MS;
  }
}

async function evaluate(
  group: Group,
  env: Environment,
  request: KnownRequest,
  seen: Assessment,
  signal: AbortSignal,
): Promise<number | 'Began'> {
  if (request.status.finishedAt !== undefined) {
    const leftMs = timeToLive(request, env.clock.now());
    if (leftMs <= 0) await remove(group, env, request, signal);
    return Math.max(leftMs, WAIT_MS);
  }
  if (await resumed(group, env, request, signal)) return WAIT_MS;
  const outcome = evaluateRequest(request.spec, {
    observation: seen.observation,
    unbiased: seen.unbiased,
    epoch: group.record.epoch,
    nowMs: env.clock.now(),
  });
  if (outcome.kind === 'Begin') return (await begin(group, env, request, outcome, signal)) ? 'Began' : WAIT_MS;
  await report(group, env, request, statusOf(request, outcome, env.clock.now()), signal);
  return outcome.kind === 'Wait' ? WAIT_MS : durationMs(request.spec.ttlAfterFinished);
}

async function begin(
  group: Group,
  env: Environment,
  request: KnownRequest,
  outcome: Extract<RequestOutcome, { kind: 'Begin' }>,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(await isStillOrdered(group, env, request, signal))) return false;
  const { primary, baseline } = group.record;
  const began = await beginAttempt(
    group,
    env,
    {
      kind: outcome.attempt,
      to: outcome.to,
      // With the record lost, what is published is all that tells who is deposed.
      from: primary ?? baseline?.primary ?? publishedMember(group),
      request: { name: nameOf(request), uid: uidOf(request) },
      reason: `ordered by FailoverRequest ${nameOf(request)}`,
    },
    signal,
  );
  if (!began) return false;
  const { epoch } = group.record;
  const message = `attempt of epoch ${epoch} has begun`;
  const accepted = conditionOf('Accepted', 'True', 'Accepted', message, request, env.clock.now());
  const guards = boundedGuards(outcome.guards);
  const observedGeneration = generationOf(request);
  await report(
    group,
    env,
    request,
    { ...request.status, observedGeneration, reason: accepted.reason, message, conditions: [accepted], guards, epoch },
    signal,
  );
  return true;
}

/** Reads it afresh: it may be deleted, made anew, or begun by a predecessor. */
async function isStillOrdered(
  group: Group,
  env: Environment,
  request: KnownRequest,
  signal: AbortSignal,
): Promise<boolean> {
  const key = { namespace: group.key.namespace, name: nameOf(request) };
  const object = await env.kube.get(RESOURCES.failoverRequest, key, { signal, deadlineMs: INTENT_DEADLINE_MS });
  if (object === null || object.metadata.uid !== uidOf(request) || object.metadata.deletionTimestamp !== undefined) {
    group.requests.delete(nameOf(request));
    return false;
  }
  const parsed = parseFailoverRequest(object);
  if (!parsed.ok) return false;
  if (!isBehind(request.status, parsed.status)) return true;
  noteRequest(group, object);
  return false;
}

function publishedMember(group: Group): string | null {
  return group.snapshot === null ? null : publishedState(group.snapshot, routeOwner(group), group.spec).primary;
}

/** A request whose attempt has ended, perhaps under another leader, is finished by the record. True: nothing left to evaluate. */
async function resumed(group: Group, env: Environment, request: KnownRequest, signal: AbortSignal): Promise<boolean> {
  const { attempt, history } = group.record;
  const { epoch } = request.status;
  if (attempt !== null && (attempt.requestUid === uidOf(request) || attempt.epoch === epoch)) return true;
  const entry =
    history.find((candidate) => candidate.requestUid === uidOf(request)) ??
    history.find((candidate) => candidate.epoch === epoch);
  if (entry === undefined && epoch === undefined) return false;
  const success = entry?.outcome === 'Completed';
  const finished: RequestOutcome = {
    kind: 'Finish',
    success,
    reason: entry?.outcome ?? 'Superseded',
    message: success
      ? `the routes lead to ${entry.to} at epoch ${entry.epoch}`
      : (entry?.reason ?? 'the attempt is not on record any more'),
    guards: request.status.guards ?? [],
  };
  const begun = { ...request, status: { ...request.status, epoch: entry?.epoch ?? epoch } };
  const status = statusOf(begun, finished, env.clock.now());
  await report(group, env, request, { ...status, epoch: entry?.epoch ?? epoch }, signal);
  return true;
}

function statusOf(
  request: KnownRequest,
  outcome: Exclude<RequestOutcome, { kind: 'Begin' }>,
  nowMs: number,
): RequestStatus {
  const { reason } = outcome;
  const message = outcome.message.slice(0, MESSAGE_LENGTH);
  const generation = generationOf(request);
  if (outcome.kind === 'Wait') {
    return {
      observedGeneration: generation,
      reason,
      message,
      conditions: [conditionOf('Accepted', 'True', reason, message, request, nowMs)],
    };
  }
  const accepted = outcome.success ? 'True' : request.status.epoch === undefined ? 'False' : 'True';
  return {
    observedGeneration: generation,
    reason,
    message,
    guards: boundedGuards(outcome.guards),
    finishedAt: isoTime(nowMs),
    conditions: [
      conditionOf('Accepted', accepted, reason, message, request, nowMs),
      conditionOf('Complete', outcome.success ? 'True' : 'False', reason, message, request, nowMs),
    ],
  };
}

function conditionOf(
  type: 'Accepted' | 'Complete',
  status: 'True' | 'False',
  reason: string,
  message: string,
  request: KnownRequest,
  nowMs: number,
): Condition {
  const before = request.status.conditions?.find((condition) => condition.type === type);
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : isoTime(nowMs);
  return { type, status, reason, message, observedGeneration: generationOf(request), lastTransitionTime };
}

async function report(
  group: Group,
  env: Environment,
  request: KnownRequest,
  status: RequestStatus,
  signal: AbortSignal,
): Promise<void> {
  if (JSON.stringify(status) === JSON.stringify(request.status)) return;
  const { namespace, name, uid } = request.object.metadata;
  const object: KubeObject = {
    apiVersion: API_VERSION,
    kind: RESOURCES.failoverRequest.kind,
    metadata: {
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
      ...(uid === undefined ? {} : { uid }),
    },
    status,
  };
  try {
    await env.kube.apply(RESOURCES.failoverRequest, object, { signal, force: true, subresource: 'status' });
  } catch (error) {
    if (!(await hasGone(error, env, request.object, signal))) throw error;
    group.requests.delete(nameOf(request));
    return;
  }
  group.requests.set(nameOf(request), { ...request, status });
}

/**
 * Whether an error means that the request was deleted, or deleted and made anew, while we looked at it, which cancels it. A
 * conflict has other causes, too.
 */
export async function hasGone(
  error: unknown,
  env: Environment,
  { metadata: { namespace = '', name = '', uid } }: KubeObject,
  signal: AbortSignal,
): Promise<boolean> {
  if (!(error instanceof KubeError)) return false;
  if (error.code !== 'Conflict') return error.code === 'NotFound';
  const now = await env.kube.get(RESOURCES.failoverRequest, { namespace, name }, { signal });
  return now === null || now.metadata.uid !== uid;
}

async function remove(group: Group, env: Environment, request: KnownRequest, signal: AbortSignal): Promise<void> {
  const { uid } = request.object.metadata;
  const key = { namespace: group.key.namespace, name: nameOf(request) };
  await env.kube.delete(RESOURCES.failoverRequest, key, uid === undefined ? {} : { uid }, { signal });
  group.requests.delete(nameOf(request));
}

function timeToLive(request: KnownRequest, nowMs: number): number {
  return Date.parse(request.status.finishedAt ?? '') + durationMs(request.spec.ttlAfterFinished) - nowMs;
}

function oldestFirst(group: Group): readonly KnownRequest[] {
  const created = (request: KnownRequest) => `${request.object.metadata.creationTimestamp ?? ''}/${nameOf(request)}`;
  return [...group.requests.values()].sort((left, right) => (created(left) < created(right) ? -1 : 1));
}

const boundedGuards = (guards: readonly string[]): string[] => guards.map((guard) => guard.slice(0, GUARD_LENGTH));

const nameOf = (request: KnownRequest): string => request.object.metadata.name ?? '';
const generationOf = (request: KnownRequest): number => request.object.metadata.generation ?? 0;
const uidOf = (request: KnownRequest): string => request.object.metadata.uid ?? '';
