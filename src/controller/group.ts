/** What one worker holds of its resource. Only the worker's own modules write to it, one at a time. */
import type { Spec } from '../api/database-failover.ts';
import type { Decision, RouteTarget } from '../api/decision.ts';
import type { RequestSpec, RequestStatus } from '../api/failover-request.ts';
import type { Problem as FieldProblem } from '../api/parse.ts';
import { type GroupSettings, groupSettings } from '../api/settings.ts';
import type { AttemptStep, Status } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';
import { type CaughtUp, nobodyCaughtUp } from '../decide/caught-up.ts';
import type { StreamMemory } from '../decide/lineage.ts';
import { noProofs, type ProofMemory } from '../decide/promotion-proof.ts';
import type { ReadSetState } from '../decide/read-set.ts';
import type { KubeObject, ObjectKey } from '../ports/kube.ts';
import type { Problem } from '../report/input.ts';
import type { RouteOwner } from '../route/contract.ts';
import { type Contention, noContention } from './contention.ts';
import type { Prober } from './prober.ts';
import type { Snapshot } from './publisher.ts';
import { type GroupRecord, recordFromStatus } from './record.ts';

/** A request as last seen; finished ones are kept until their time to live is over. */
export interface KnownRequest {
  readonly object: KubeObject;
  readonly spec: RequestSpec;
  readonly status: RequestStatus;
  /** Monotonic ms before which it is left alone. */
  readonly notBeforeMs: number;
}

/** Running times of the attempt under way; lost in a restart, when only what follows is timed. */
export interface AttemptProgress {
  readonly epoch: number;
  /** Where it is now. */
  step: AttemptStep;
  /** By this process, with what it read then; false: resumed. */
  readonly begunHere: boolean;
  readonly steps: Map<string, number>;
  retries: number;
  retryAtMs: number | null;
  /** When something that changed in the cluster may end that wait. */
  mayRetryAtMs: number;
  lastProblem: string | null;
}

export interface Group {
  readonly key: ObjectKey;
  readonly prober: Prober;
  object: KubeObject;
  /** Called when a newer spec has taken effect. */
  onNewSpec: () => void;
  spec: Spec;
  settings: GroupSettings;
  generation: number;
  /** As last written or read. */
  status: Status;
  record: GroupRecord;
  /** Whether `record` was checked against the API server since this replica last began to lead. */
  recordVerified: boolean;
  /** Signal of the term in which that was; another term begins without knowing anything. */
  term: AbortSignal | null;
  resourceVersion: string | undefined;
  memories: ReadonlyMap<string, StreamMemory>;
  proofs: ProofMemory;
  caughtUp: CaughtUp;
  readSet: ReadSetState | null;
  readWhy: Readonly<Record<string, string>>;
  decision: Decision | null;
  /** What was last carried out; null before the first time. */
  published: RouteTarget | null;
  /** Where the routes led after that, which is what people are told; null before the first time. */
  told: RouteTarget | null;
  snapshot: Snapshot | null;
  /** Something of ours or beside ours changed, or was never looked at. */
  routesDirty: boolean;
  /** News that a watch brought of published objects since they were last read or written; null: perhaps anything. */
  touched: (KubeObject | null)[];
  contention: Contention;
  publishedAtMs: number;
  /** When what is published was last read because something had changed (monotonic ms). */
  reactedAtMs: number;
  /** Generation, target and addresses of the last publication. */
  publishedFingerprint: string | null;
  routeProblems: readonly Problem[];
  accessProblems: readonly Problem[];
  /** What of the recorded attempt cannot be read: another version of the operator may be in the middle of it. */
  unreadable: readonly Problem[];
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
  parsed: {
    readonly spec: Spec;
    readonly status: Status;
    readonly statusProblems: readonly FieldProblem[];
  },
  prober: Prober,
  region: string | null,
): Group {
  const { metadata } = object;
  return {
    key: { namespace: metadata.namespace ?? '', name: metadata.name ?? '' },
    prober,
    object,
    onNewSpec: () => {},
    spec: parsed.spec,
    settings: groupSettings(parsed.spec, region),
    generation: metadata.generation ?? 0,
    status: parsed.status,
    record: recordFromStatus(parsed.status),
    recordVerified: false,
    term: null,
    resourceVersion: metadata.resourceVersion,
    memories: new Map(),
    proofs: noProofs,
    caughtUp: nobodyCaughtUp,
    readSet: null,
    readWhy: {},
    decision: null,
    published: null,
    told: null,
    snapshot: null,
    routesDirty: true,
    touched: [],
    contention: noContention,
    publishedAtMs: Number.NEGATIVE_INFINITY,
    reactedAtMs: Number.NEGATIVE_INFINITY,
    publishedFingerprint: null,
    routeProblems: [],
    accessProblems: [],
    unreadable: unreadableAttempt(parsed.statusProblems),
    invalid: [],
    rewriteStatus: false,
    views: [],
    requestsAgainInMs: null,
    progress: null,
    requests: new Map(),
    deleted: false,
  };
}

/** The problems that mean: an attempt is on record, and this operator does not understand it. */
export function unreadableAttempt(problems: readonly FieldProblem[]): readonly Problem[] {
  return problems
    .filter(({ path }) => path === 'status.attempt' || path.startsWith('status.attempt.'))
    .map(({ path, message }) => ({
      reason: 'RecordUnreadable',
      message:
        `${path}: ${message}; an attempt may be under way that this version of the operator does not understand, so ` +
        'nothing is done. Run the version that began it, or remove status.attempt when it is known to be over',
    }));
}

/** As the route room knows the resource. */
export function routeOwner({ key, object, spec }: Pick<Group, 'key' | 'object' | 'spec'>): RouteOwner {
  const { uid } = object.metadata;
  return { ...key, ...(spec.deletionPolicy === 'Delete' && uid !== undefined ? { cascadeFrom: uid } : {}) };
}

/** Beyond so many nobody asks which objects they were. */
const MAX_TOUCHED = 32;

/** News of published objects that wait for the next read; they may wait long while a group is held up. */
export function noteTouched(group: Group, object: KubeObject | null): void {
  if (group.touched.length < MAX_TOUCHED) group.touched.push(object);
  else group.touched = [null];
}

/** Takes back what a watch showed while a publication was under way: only what that did not write itself is news. */
export function settleTouched(group: Group, written: ReadonlySet<string>): void {
  group.touched = group.touched.filter(
    (object) => object === null || (!written.has(object.metadata.resourceVersion ?? '') && isNews(group, object)),
  );
  group.routesDirty = group.touched.length > 0;
}

/** Our own writes come back through the watch; they are no reason to look again. */
export function isNews({ snapshot }: Pick<Group, 'snapshot'>, object: KubeObject): boolean {
  if (snapshot === null) return true;
  const { slices, services, configMaps } = snapshot.current;
  const known = [...slices, ...services, ...configMaps].find(
    (candidate) => candidate.metadata.uid === object.metadata.uid,
  );
  return known?.metadata.resourceVersion !== object.metadata.resourceVersion;
}
