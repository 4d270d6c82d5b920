/** The spec as numbers and defaults taken from siblings, computed once per generation. */
import type { Mode, Spec } from './database-failover.ts';
import { durationMs } from './duration.ts';
import { parseSize } from './size.ts';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

export interface MemberSettings {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Where applications reach it; `routeElsewhere` tells whether that differs from where the operator does. */
  readonly route: Endpoint;
  readonly routeElsewhere: boolean;
  readonly replication: Endpoint;
  readonly region: string | null;
  readonly promotable: boolean;
  readonly priority: number;
  readonly direct: boolean;
}

export interface DetectionSettings {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly failureThreshold: number;
  readonly recoveryThreshold: number;
  readonly shutdownGraceMs: number;
  readonly startupGraceMs: number;
  readonly witnessPatienceMs: number;
}

export interface ReadSettings {
  readonly service: string;
  readonly port: number;
  readonly maxReplayLagMs: number;
  readonly leaveLagMs: number;
  readonly dwellMs: number;
  readonly whenNoneFit: 'Primary' | 'LeastLagged' | 'None';
  readonly prefer: 'Any' | 'SameRegion';
}

export interface GroupSettings {
  readonly mode: Mode;
  readonly paused: boolean;
  readonly members: readonly MemberSettings[];
  readonly systemIdentifier: string | null;
  readonly detection: DetectionSettings;
  readonly maxLossBytes: number;
  readonly read: ReadSettings | null;
  /** The operator's own region (`--region`), null when not given. */
  readonly region: string | null;
}

export function groupSettings(spec: Spec, region: string | null): GroupSettings {
  const { detection, routes } = spec;
  const read = routes.readOnly;
  return {
    mode: spec.mode,
    paused: spec.paused,
    members: spec.members.map(memberSettings),
    systemIdentifier: spec.systemIdentifier ?? null,
    detection: {
      intervalMs: durationMs(detection.interval),
      timeoutMs: durationMs(detection.timeout),
      failureThreshold: detection.failureThreshold,
      recoveryThreshold: detection.recoveryThreshold,
      shutdownGraceMs: durationMs(detection.shutdownGrace),
      startupGraceMs: durationMs(detection.startupGrace),
      witnessPatienceMs: durationMs(detection.witnessPatience),
    },
    maxLossBytes: parseSize(spec.failover.maxLoss) ?? 0,
    read:
      read === undefined
        ? null
        : {
            service: read.service,
            port: read.port,
            maxReplayLagMs: durationMs(read.maxReplayLag),
            leaveLagMs: durationMs(read.leaveLag),
            dwellMs: durationMs(read.dwell),
            whenNoneFit: read.whenNoneFit,
            prefer: read.prefer,
          },
    region,
  };
}

function memberSettings(member: Spec['members'][number]): MemberSettings {
  const endpoint = { host: member.host, port: member.port };
  const route = { host: member.route?.host ?? member.host, port: member.route?.port ?? member.port };
  return {
    name: member.name,
    endpoint,
    route,
    routeElsewhere: route.host !== endpoint.host,
    replication: { host: member.replication?.host ?? member.host, port: member.replication?.port ?? member.port },
    region: member.region ?? null,
    promotable: member.promotable,
    priority: member.priority,
    direct: member.direct,
  };
}
