import type { Decision, RouteTarget } from '../api/decision.ts';
import type { Evidence } from '../api/evidence.ts';
import type { GroupSettings } from '../api/settings.ts';
import type { Condition } from '../api/status.ts';
import type { MemberView } from '../api/verdict.ts';
import type { ObjectKey } from './kube.ts';

/** Facts to measure, as the conductor meets them. Never called with a secret; must not throw. */
export interface Telemetry {
  looked(key: ObjectKey, evidence: Evidence): void;
  /** `published`: where the routes lead, which may be elsewhere than where they should; null while that is not known. */
  judged(key: ObjectKey, settings: GroupSettings, views: readonly MemberView[], published: RouteTarget | null): void;
  /** At each pass of a leader, also when the rule is the one of the pass before. */
  decided(key: ObjectKey, decision: Decision): void;
  /** What is published was compared, and written where it differed. `inSync`: all of it is now as it should be. */
  routeCompared(key: ObjectKey, epoch: number, writes: number, inSync: boolean): void;
  retried(key: ObjectKey, what: 'attempt' | 'publish' | 'status'): void;
  reconciled(key: ObjectKey, tookMs: number, error: boolean): void;
  statusWritten(key: ObjectKey): void;
  /** The conditions that a status has or shall have, also when it is as it was and nothing is written. */
  reported(key: ObjectKey, conditions: readonly Condition[]): void;
  /** The resource is gone: its series go too. */
  forget(key: ObjectKey): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Constant message, facts as fields. */
export interface Log {
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
}
