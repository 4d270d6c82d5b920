/** FailoverRequests of one group: evaluates the pending ones, oldest first, and deletes finished ones when their time is over. */
import { durationMs } from '../api/duration.ts';
import type { RequestStatus } from '../api/failover-request.ts';
import { parseFailoverRequest } from '../api/parse.ts';
import { API_VERSION, RESOURCES } from '../api/resources.ts';
import type { Condition } from '../api/status.ts';
import { evaluateRequest, type RequestOutcome } from '../decide/requests.ts';
import { KubeError, type KubeObject } from '../ports/kube.ts';
import type { Assessment } from './assess.ts';
import { beginAttempt } from './attempts.ts';
import { type Environment, isoTime } from './environment.ts';
import type { Group, KnownRequest } from './group.ts';

/** A request that waits for its time is looked at again at least this often. */
const WAIT_MS = 1000;

export interface RequestsDone {
  /** An attempt began. */
  readonly began: boolean;
  /** When to look again; null: no need. */
  readonly againInMs: number | null;
}

export function noteRequest(group: Group, object: KubeObject): void {
  const parsed = parseFailoverRequest(object);
  const { name } = object.metadata;
  if (name === undefined || !parsed.ok) return;
  group.requests.set(name, { object, spec: parsed.spec, status: parsed.status });
}

export async function processRequests(
  group: Group,
  env: Environment,
  seen: Assessment,
  signal: AbortSignal,
): Promise<RequestsDone> {
  let againInMs: number | null = null;
  const sooner = (ms: number) => {
    againInMs = againInMs === null ? ms : Math.min(againInMs, ms);
  };
  for (const request of oldestFirst(group)) {
    if (request.status.finishedAt !== undefined) {
      const leftMs = timeToLive(request, env.clock.now());
      if (leftMs > 0) sooner(leftMs);
      else await remove(group, env, request, signal);
      continue;
    }
    if (await resumed(group, env, request, signal)) continue;
    const outcome = evaluateRequest(request.spec, {
      observation: seen.observation,
      unbiased: seen.unbiased,
      epoch: group.record.epoch,
      nowMs: env.clock.now(),
    });
    if (outcome.kind === 'Begin') {
      const began = await begin(group, env, request, outcome, signal);
      return { began, againInMs: began ? againInMs : 0 };
    }
    await report(group, env, request, statusOf(request, outcome, env.clock.now()), signal);
    sooner(outcome.kind === 'Wait' ? WAIT_MS : durationMs(request.spec.ttlAfterFinished));
  }
  return { began: false, againInMs };
}

async function begin(
  group: Group,
  env: Environment,
  request: KnownRequest,
  outcome: Extract<RequestOutcome, { kind: 'Begin' }>,
  signal: AbortSignal,
): Promise<boolean> {
  const began = await beginAttempt(
    group,
    env,
    {
      kind: outcome.attempt,
      to: outcome.to,
      from: group.record.primary,
      request: nameOf(request),
      reason: `ordered by FailoverRequest ${nameOf(request)}`,
    },
    signal,
  );
  if (!began) return false;
  const accepted = conditionOf(
    'Accepted',
    'True',
    'Accepted',
    `attempt of epoch ${group.record.epoch} has begun`,
    request,
    env.clock.now(),
  );
  await report(
    group,
    env,
    request,
    {
      ...request.status,
      observedGeneration: generationOf(request),
      conditions: [accepted],
      guards: [...outcome.guards],
      epoch: group.record.epoch,
    },
    signal,
  );
  return true;
}

/** A request whose attempt has ended, perhaps under another leader, is finished by the record. True: nothing left to evaluate. */
async function resumed(group: Group, env: Environment, request: KnownRequest, signal: AbortSignal): Promise<boolean> {
  if (group.record.attempt?.request === nameOf(request)) return true;
  const { epoch } = request.status;
  if (epoch === undefined) return false;
  const entry = group.record.history.find((candidate) => candidate.epoch === epoch);
  if (entry === undefined && group.record.attempt?.epoch === epoch) return true;
  const success = entry?.outcome === 'Completed';
  await report(
    group,
    env,
    request,
    {
      ...statusOf(
        request,
        {
          kind: 'Finish',
          success,
          reason: entry?.outcome ?? 'Superseded',
          message: success
            ? `the routes lead to ${entry.to} at epoch ${epoch}`
            : (entry?.reason ?? 'the attempt is not on record any more'),
          guards: request.status.guards ?? [],
        },
        env.clock.now(),
      ),
      epoch,
    },
    signal,
  );
  return true;
}

function statusOf(
  request: KnownRequest,
  outcome: Exclude<RequestOutcome, { kind: 'Begin' }>,
  nowMs: number,
): RequestStatus {
  const { reason, message } = outcome;
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
    guards: [...outcome.guards],
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
    // Deleted, or deleted and made anew, while we looked at it: deleting a request cancels it.
    if (!(error instanceof KubeError) || (error.code !== 'NotFound' && error.code !== 'Conflict')) throw error;
    group.requests.delete(nameOf(request));
    return;
  }
  group.requests.set(nameOf(request), { ...request, status });
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

const nameOf = (request: KnownRequest): string => request.object.metadata.name ?? '';
const generationOf = (request: KnownRequest): number => request.object.metadata.generation ?? 0;
