/** Builders of a healthy world for the pure rooms: a test names only what differs. */
import type { MemberFacts } from '../../src/api/evidence.ts';
import type { Lsn } from '../../src/api/lsn.ts';
import type { GroupSettings, MemberSettings } from '../../src/api/settings.ts';
import type { MemberView } from '../../src/api/verdict.ts';
import { lineageOf, type StreamMemory } from '../../src/decide/lineage.ts';
import type { KnownBaseline, Observation } from '../../src/decide/observation.ts';
import { nextSplitBrain } from '../../src/decide/split-brain.ts';

export const SYSTEM_IDENTIFIER = '7711274532309372686';
export const lsn = (value: number): Lsn => BigInt(value) as Lsn;

export function memberSettings(name: string, over: Partial<MemberSettings> = {}): MemberSettings {
  const endpoint = { host: `${name}.db.example`, port: 5432 };
  return {
    name,
    endpoint,
    route: endpoint,
    routeElsewhere: false,
    replication: endpoint,
    region: null,
    promotable: true,
    priority: 100,
    direct: true,
    ...over,
  };
}

export function settings(names: readonly string[], over: Partial<GroupSettings> = {}): GroupSettings {
  return {
    mode: 'Follow',
    paused: false,
    members: names.map((name) => memberSettings(name)),
    systemIdentifier: null,
    detection: {
      intervalMs: 1000,
      timeoutMs: 3000,
      failureThreshold: 3,
      recoveryThreshold: 2,
      shutdownGraceMs: 30_000,
      startupGraceMs: 60_000,
      witnessPatienceMs: 60_000,
    },
    maxLossBytes: 16 * 2 ** 20,
    read: null,
    region: null,
    ...over,
  };
}

export function facts(over: Partial<MemberFacts> = {}): MemberFacts {
  return {
    systemIdentifier: SYSTEM_IDENTIFIER,
    startedAt: '1000',
    serverVersion: 180004,
    inRecovery: false,
    readOnly: false,
    timeline: 1,
    history: [],
    currentLsn: lsn(5000),
    receiveLsn: null,
    replayLsn: null,
    replayAgeMs: null,
    replayPaused: false,
    receiver: null,
    standbys: [],
    synchronousStandbyNames: '',
    walReceiverTimeoutMs: 5000,
    rights: { monitor: true, replication: true },
    otherControllers: [],
    ...over,
  };
}

export function primary(
  name: string,
  over: Partial<MemberView> = {},
  factsOver: Partial<MemberFacts> = {},
): MemberView {
  return {
    name,
    verdict: 'Up',
    reason: 'answers',
    dead: false,
    refused: false,
    lostAtMs: null,
    asked: true,
    facts: facts(factsOver),
    factsAtMs: 0,
    factsFromMs: 0,
    writable: true,
    writableSinceMs: 0,
    standby: false,
    answered: [{ family: 'IPv4', address: '192.0.2.1', atMs: 0 }],
    lagMs: null,
    lagBytes: null,
    lsn: lsn(5000),
    witness: 'NoVote',
    ...over,
  };
}

export function standby(
  name: string,
  over: Partial<MemberView> = {},
  factsOver: Partial<MemberFacts> = {},
): MemberView {
  return primary(
    name,
    { writable: false, writableSinceMs: null, standby: true, lagMs: 0, lagBytes: 0, ...over },
    { inRecovery: true, currentLsn: null, receiveLsn: lsn(5000), replayLsn: lsn(5000), ...factsOver },
  );
}

export function dead(name: string, over: Partial<MemberView> = {}): MemberView {
  return primary(name, {
    verdict: 'Refused',
    reason: 'connection refused, 3 looks in a row',
    dead: true,
    refused: over.verdict === undefined && over.dead !== false,
    lostAtMs: 0,
    writable: false,
    ...over,
  });
}

export const unasked = (name: string): MemberView =>
  primary(name, {
    verdict: 'Unknown',
    reason: 'not looked at yet',
    asked: false,
    facts: null,
    factsAtMs: null,
    writable: false,
    lostAtMs: 0,
  });

/** A member promoted from timeline 1 to 2, its history readable. */
export const promoted = (
  name: string,
  over: Partial<MemberView> = {},
  factsOver: Partial<MemberFacts> = {},
): MemberView => primary(name, over, { timeline: 2, history: [{ timeline: 1, endLsn: lsn(4900) }], ...factsOver });

export function baseline(over: Partial<KnownBaseline> = {}): KnownBaseline {
  return { primary: 'a', systemIdentifier: SYSTEM_IDENTIFIER, timeline: 1, forkLsn: null, lsn: lsn(5000), ...over };
}

interface ObservationInput extends Partial<Omit<Observation, 'lineage'>> {
  readonly memories?: Readonly<Record<string, StreamMemory>>;
}

/** Healthy group of primary `a` with standbys `b`, `c`; split brain and lineage are computed as the controller does. */
export function observation(over: ObservationInput = {}): Observation {
  const { memories = {}, ...rest } = over;
  const members = rest.members ?? [primary('a'), standby('b'), standby('c')];
  const known = rest.baseline === undefined ? baseline() : rest.baseline;
  const base: Observation = {
    settings: settings(members.map((member) => member.name)),
    baseline: known,
    routed: known === null ? null : 'a',
    published: known === null ? null : 'a',
    quarantined: new Map(),
    quarantinedTimelines: new Map(),
    splitBrain: null,
    attemptUnderway: false,
    foreignEndpoints: null,
    ...rest,
    members,
    lineage: (name) => {
      const member = members.find((candidate) => candidate.name === name);
      return member === undefined
        ? { kind: 'Unproven', why: 'it is no member' }
        : lineageOf(member, known, memories[name] ?? null, 1000);
    },
  };
  return { ...base, splitBrain: nextSplitBrain(base) };
}
