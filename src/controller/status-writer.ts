/**
 * Writes the status, always with the resourceVersion that was last seen, so that a replica which no longer leads cannot
 * overwrite what the new leader recorded (I3). A conflict means: read again and see whose record stands there.
 */
import { parseDatabaseFailover } from '../api/parse.ts';
import { API_VERSION, RESOURCES } from '../api/resources.ts';
import type { Status } from '../api/status.ts';
import { type CallOptions, KubeError, type KubeObject, type KubePort } from '../ports/kube.ts';
import type { Environment } from './environment.ts';
import { type Group, unreadableAttempt } from './group.ts';
import { type GroupRecord, recordFromStatus } from './record.ts';
import { adoptSpec } from './spec-update.ts';

/** The intent is written within this, or not at all (design, section 4: the resource is read afresh, 2 s deadline). */
export const INTENT_DEADLINE_MS = 2000;

export type WriteOutcome =
  | 'Written'
  /** Somebody else's record, or another spec, stands there now; the group holds it, decide again. */
  | 'Superseded'
  /** The resource is gone. */
  | 'Gone';

export type Freshness =
  /** What stands there is what we last wrote or read; only the resourceVersion may be newer. */
  | 'Same'
  /** Somebody else's record stands there, and the group holds it now: decide again. */
  | 'Changed'
  | 'Gone';

/**
 * Reads the resource afresh; a newer spec takes effect. A status that was wiped while we lead is no record: ours stands.
 * Another resource under the same name, or one that is being deleted, is not the one that we work for.
 */
export async function refreshRecord(group: Group, env: Environment, signal: AbortSignal): Promise<Freshness> {
  const object = await readStanding(group, env, signal);
  if (object === null) return 'Gone';
  const parsed = parseDatabaseFailover(object);
  group.resourceVersion = object.metadata.resourceVersion;
  const wasVerified = group.recordVerified;
  group.recordVerified = true;
  if (parsed.ok) {
    group.unreadable = unreadableAttempt(parsed.statusProblems);
    adoptSpec(group, env, object, parsed.spec);
  }
  if (!parsed.ok || (wasVerified && isWiped(parsed.status))) return 'Same';
  const record = recordFromStatus(parsed.status);
  if (fingerprint(record) === fingerprint(recordFromStatus(group.status))) return 'Same';
  group.status = parsed.status;
  group.record = record;
  return 'Changed';
}

/** Whether the resource stands there still: its end may be told later than the end of what it published. */
export async function stillStands(group: Group, env: Environment, signal: AbortSignal): Promise<boolean> {
  return (await readStanding(group, env, signal)) !== null;
}

/** The resource as it stands there now; null: it is gone or going, or another one has its name. */
async function readStanding(
  { key, object }: Group,
  { kube }: Environment,
  signal: AbortSignal,
): Promise<KubeObject | null> {
  const now = await kube.get(RESOURCES.databaseFailover, key, { signal, deadlineMs: INTENT_DEADLINE_MS });
  if (now === null || now.metadata.deletionTimestamp !== undefined) return null;
  return now.metadata.uid === object.metadata.uid ? now : null;
}

/** Writes `next` over whatever stands there, as long as that carries the record we know. */
export function writeStatus(group: Group, env: Environment, next: Status, signal: AbortSignal): Promise<WriteOutcome> {
  return write(group, env, next, () => true, signal);
}

/** The same, and only while the spec is the one that was decided on. False: decide again. */
export async function writeIntent(
  group: Group,
  env: Environment,
  next: Status,
  generation: number,
  signal: AbortSignal,
): Promise<boolean> {
  return (await write(group, env, next, () => group.generation === generation, signal)) === 'Written';
}

async function write(
  group: Group,
  env: Environment,
  next: Status,
  mayStill: () => boolean,
  signal: AbortSignal,
): Promise<WriteOutcome> {
  const options: CallOptions = { signal, deadlineMs: INTENT_DEADLINE_MS };
  for (let tries = 0; tries < 5; tries += 1) {
    try {
      const stored = await env.kube.apply(RESOURCES.databaseFailover, statusObject(group, next), {
        ...options,
        force: true,
        subresource: 'status',
      });
      group.resourceVersion = stored.metadata.resourceVersion;
      group.status = next;
      group.record = recordFromStatus(next);
      env.telemetry.statusWritten(group.key);
      return 'Written';
    } catch (error) {
      if (error instanceof KubeError && error.code === 'NotFound') return 'Gone';
      if (!(error instanceof KubeError) || error.code !== 'Conflict') throw error;
      env.telemetry.retried(group.key, 'status');
      const freshness = await refreshRecord(group, env, signal);
      if (freshness === 'Gone') return 'Gone';
      if (freshness === 'Changed' || !mayStill()) return 'Superseded';
    }
  }
  throw new KubeError('Conflict', `the status of ${group.key.name} changes faster than it can be written`);
}

/**
 * Changes the conditions of the object as it was read, and leaves the rest of its status as it stands there, also what
 * cannot be read. An apply of the whole, because conditions written in another way would stay when they are over.
 */
export async function writeConditions(
  kube: Pick<KubePort, 'apply'>,
  object: KubeObject,
  { observedGeneration, conditions }: Pick<Status, 'observedGeneration' | 'conditions'>,
  signal: AbortSignal,
): Promise<KubeObject> {
  const { namespace = '', name = '', uid, resourceVersion } = object.metadata;
  const { status } = object;
  const metadata = {
    ...{ namespace, name },
    ...(uid === undefined || resourceVersion === undefined ? {} : { uid, resourceVersion }),
  };
  return kube.apply(
    RESOURCES.databaseFailover,
    {
      apiVersion: API_VERSION,
      kind: RESOURCES.databaseFailover.kind,
      metadata,
      status: { ...(typeof status === 'object' ? status : {}), observedGeneration, conditions },
    },
    { signal, deadlineMs: INTENT_DEADLINE_MS, force: true, subresource: 'status' },
  );
}

function statusObject(group: Group, status: Status): KubeObject {
  const { namespace, name } = group.key;
  return {
    apiVersion: API_VERSION,
    kind: RESOURCES.databaseFailover.kind,
    metadata: {
      namespace,
      name,
      ...(group.object.metadata.uid === undefined ? {} : { uid: group.object.metadata.uid }),
      ...(group.resourceVersion === undefined ? {} : { resourceVersion: group.resourceVersion }),
    },
    status,
  };
}

/** A status that says nothing: new, wiped, or of a resource restored without it. */
export function isWiped(status: Status): boolean {
  return status.epoch === undefined && status.baseline === undefined && status.attempt === undefined;
}

/** Two records with the same fingerprint lead to the same acts. */
export function fingerprint(record: GroupRecord): string {
  const { attempt, baseline } = record;
  return JSON.stringify([
    record.epoch,
    record.primary,
    attempt === null ? null : [attempt.epoch, attempt.kind, attempt.from, attempt.to, attempt.step],
    baseline === null ? null : [baseline.primary, baseline.systemIdentifier, baseline.timeline],
    [...record.quarantined].sort(),
    record.splitBrain?.members ?? null,
  ]);
}
