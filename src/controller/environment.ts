/** What the world gives to every worker: the ports, and what the operator was told at start. */
import type { Clock, Random } from '../ports/clock.ts';
import type { KubePort, Leadership } from '../ports/kube.ts';
import type { MemberConnector } from '../ports/members.ts';
import type { Resolver } from '../ports/resolver.ts';
import type { Log, Telemetry } from '../ports/telemetry.ts';
import type { Publisher } from './publisher.ts';

export interface Environment {
  readonly clock: Clock;
  readonly random: Random;
  readonly kube: KubePort;
  readonly leadership: Leadership;
  readonly connector: MemberConnector;
  readonly resolver: Resolver;
  readonly publisher: Publisher;
  readonly telemetry: Telemetry;
  readonly log: Log;
  /** `--region`; null when not given. */
  readonly region: string | null;
  /** How often everything is read anew although nothing changed, in ms. */
  readonly resyncMs: number;
}

/** ISO time of a wall clock in ms. */
export const isoTime = (ms: number): string => new Date(ms).toISOString();
