/** What `/health` answers: enough for a load balancer, a probe of an application, a person with curl. */
import type { Decision, RouteTarget } from '../api/decision.ts';
import type { GroupSettings } from '../api/settings.ts';
import type { MemberView } from '../api/verdict.ts';

export type Connection = 'connected' | 'disconnected' | 'not_configured';
export type HealthWord = 'ok' | 'degraded' | 'down';

export interface GroupHealth {
  /** `down`: no writes; `degraded`: writes work and something needs a look. */
  readonly status: HealthWord;
  readonly db_primary: Connection;
  readonly db_replica: Connection;
  readonly name: string;
  readonly namespace: string;
  readonly primary: string | null;
  readonly epoch: number | null;
  readonly up: string;
  readonly decision: { readonly rule: number; readonly reason: string; readonly message: string } | null;
}

export interface OverallHealth {
  /** The worst of all; `ok` without any resource. */
  readonly status: HealthWord;
  readonly db_primary: Connection;
  readonly db_replica: Connection;
  readonly resources: number;
  /** Those that are not ok, at most `LISTED`. */
  readonly troubled: readonly Pick<GroupHealth, 'namespace' | 'name' | 'status' | 'db_primary' | 'db_replica'>[];
}

export interface HealthAnswer<Body> {
  /** 503 only when a primary is disconnected. */
  readonly code: 200 | 503;
  readonly body: Body;
}

const LISTED = 100;

export interface HealthInput {
  readonly namespace: string;
  readonly name: string;
  readonly settings: GroupSettings;
  readonly views: readonly MemberView[];
  readonly published: RouteTarget | null;
  readonly decision: Decision | null;
  readonly splitBrain: boolean;
}

export function groupHealth(input: HealthInput): HealthAnswer<GroupHealth> {
  const { settings, views, published, decision } = input;
  const up = views.filter((view) => view.verdict === 'Up');
  const routed = published?.primary ?? null;
  const primary: Connection = up.some((view) => view.name === routed) ? 'connected' : 'disconnected';
  const replica = replicaConnection(input);
  const sound = replica !== 'disconnected' && up.length === settings.members.length && !input.splitBrain;
  const body: GroupHealth = {
    status: primary === 'disconnected' ? 'down' : sound ? 'ok' : 'degraded',
    db_primary: primary,
    db_replica: replica,
    name: input.name,
    namespace: input.namespace,
    primary: routed,
    epoch: published?.epoch ?? null,
    up: `${up.length}/${settings.members.length}`,
    decision: decision === null ? null : { rule: decision.rule, reason: decision.reason, message: decision.message },
  };
  return { code: primary === 'disconnected' ? 503 : 200, body };
}

function replicaConnection({ settings, views, published }: HealthInput): Connection {
  if (settings.read === null || settings.members.length === 1) return 'not_configured';
  const readers = published?.readers ?? [];
  return views.some((view) => view.standby && readers.includes(view.name)) ? 'connected' : 'disconnected';
}

export function overallHealth(groups: readonly GroupHealth[]): HealthAnswer<OverallHealth> {
  const primary = worstConnection(groups.map((group) => group.db_primary));
  const troubled = groups.filter((group) => group.status !== 'ok');
  const body: OverallHealth = {
    status: troubled.some((group) => group.status === 'down') ? 'down' : troubled.length > 0 ? 'degraded' : 'ok',
    db_primary: primary,
    db_replica: worstConnection(groups.map((group) => group.db_replica)),
    resources: groups.length,
    troubled: troubled.slice(0, LISTED).map(({ namespace, name, status, db_primary, db_replica }) => ({
      namespace,
      name,
      status,
      db_primary,
      db_replica,
    })),
  };
  return { code: primary === 'disconnected' ? 503 : 200, body };
}

function worstConnection(connections: readonly Connection[]): Connection {
  if (connections.includes('disconnected')) return 'disconnected';
  return connections.includes('connected') ? 'connected' : 'not_configured';
}
