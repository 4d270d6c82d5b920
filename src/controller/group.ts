/** What one worker holds of its resource. Only the worker's own modules write to it, one at a time. */
import type { Spec } from '../api/database-failover.ts';
import type { Decision, RouteTarget } from '../api/decision.ts';
import type { RequestSpec, RequestStatus } from '../api/failover-request.ts';
import { type GroupSettings, groupSettings } from '../api/settings.ts';
import type { Status } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';
import type { StreamMemory } from '../decide/lineage.ts';
import type { ReadSetState } from '../decide/read-set.ts';
import type { KubeObject, ObjectKey } from '../ports/kube.ts';
import type { Problem } from '../report/input.ts';
import type { Prober } from './prober.ts';
import type { Snapshot } from './publisher.ts';
import { type GroupRecord, recordFromStatus } from './record.ts';

/** A request as last seen; finished ones are kept until their time to live is over. */
export interface KnownRequest {
  readonly object: KubeObject;
  readonly spec: RequestSpec;
  readonly status: RequestStatus;
}

/** Running times of the attempt under way; lost in a restart, when only what follows is timed. */
export interface AttemptProgress {
  readonly epoch: number;
  /** By this process, with what it read then; false: resumed. */
  readonly begunHere: boolean;
  readonly steps: Map<string, number>;
  retries: number;
  retryAtMs: number | null;
  lastProblem: string | null;
}

export interface Group {
  readonly key: ObjectKey;
  readonly prober: Prober;
  object: KubeObject;
  spec: Spec;
  settings: GroupSettings;
  generation: number;
  /** As last written or read. */
  status: Status;
  record: GroupRecord;
  /** Whether `record` was checked against the API server since this replica last began to lead. */
  recordVerified: boolean;
  resourceVersion: string | undefined;
  memories: ReadonlyMap<string, StreamMemory>;
  readSet: ReadSetState | null;
  readWhy: Readonly<Record<string, string>>;
  decision: Decision | null;
  /** What was last carried out; null before the first time. */
  published: RouteTarget | null;
  snapshot: Snapshot | null;
  /** Something of ours or beside ours changed, or was never looked at. */
  routesDirty: boolean;
  publishedAtMs: number;
  /** Target and addresses of the last publication. */
  publishedFingerprint: string | null;
  routeProblems: readonly Problem[];
  accessProblems: readonly Problem[];
  /** Why the newest spec cannot be worked with; the last good one stays in force meanwhile. */
  invalid: readonly { readonly path: string; readonly message: string }[];
  /** The status was wiped by somebody; written again with the next report. */
  rewriteStatus: boolean;
  /** As of the last pass. */
  views: readonly MemberView[];
  requestsAgainInMs: number | null;
  progress: AttemptProgress | null;
  requests: Map<string, KnownRequest>;
  deleted: boolean;
}

export function newGroup(
  object: KubeObject,
  parsed: { readonly spec: Spec; readonly status: Status },
  prober: Prober,
  region: string | null,
): Group {
  const { metadata } = object;
  return {
    key: { namespace: metadata.namespace ?? '', name: metadata.name ?? '' },
    prober,
    object,
    spec: parsed.spec,
    settings: groupSettings(parsed.spec, region),
    generation: metadata.generation ?? 0,
    status: parsed.status,
    record: recordFromStatus(parsed.status),
    recordVerified: false,
    resourceVersion: metadata.resourceVersion,
    memories: new Map(),
    readSet: null,
    readWhy: {},
    decision: null,
    published: null,
    snapshot: null,
    routesDirty: true,
    publishedAtMs: Number.NEGATIVE_INFINITY,
    publishedFingerprint: null,
    routeProblems: [],
    accessProblems: [],
    invalid: [],
    rewriteStatus: false,
    views: [],
    requestsAgainInMs: null,
    progress: null,
    requests: new Map(),
    deleted: false,
  };
}
