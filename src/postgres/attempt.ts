import type { Socket } from 'node:net';
import type { LayerTimings, MemberFacts, ProbeOutcome } from '../api/evidence.ts';
import type { Clock } from '../ports/clock.ts';
import type { RoleCredentials } from '../ports/members.ts';
import type { ResolvedAddress } from '../ports/resolver.ts';
import { parseFacts } from './facts.ts';
import { type LayerTimer, startLayers } from './layer-timer.ts';
import { failureOf, sqlStateOf } from './outcome.ts';
import { PROBE_SQL, sessionSettings } from './probe-sql.ts';
import { openSession, type Session } from './session.ts';
import { exchangeStartup } from './startup-exchange.ts';
import type { TlsSecurity } from './tls.ts';
import { openWire } from './wire.ts';

/** Everything a connection to a member is opened with. */
export interface Access {
  readonly clock: Clock;
  readonly port: number;
  readonly database: string;
  readonly credentials: RoleCredentials;
  readonly security: TlsSecurity | null;
}

/** What trying one address gave. `session` is open and belongs to whoever holds the attempt. */
export interface Attempt extends ResolvedAddress {
  readonly outcome: ProbeOutcome;
  readonly timings: LayerTimings;
  readonly session: Session | null;
}

/**
 * 55000: a function that runs in recovery only, called in the moment in which recovery ended. XX000: a torn read of
 * the control file, which the server writes without a lock on some file systems. Both are gone at the next reading.
 */
const momentary: ReadonlySet<string> = new Set(['55000', 'XX000']);

/** New connection, authentication, one SQL round trip. Never rejects. */
export function attemptFresh(
  access: Access,
  address: ResolvedAddress,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Attempt> {
  return attempt(access, address, signal, async (socket, layers) => {
    const session = await openSession(socket, sessionOptions(access, address), layers, signal);
    try {
      layers.enter('sql');
      const facts = await queryFacts(session, sessionSettings(timeoutMs), signal);
      signal.throwIfAborted();
      return { outcome: { kind: 'Answered', facts }, session };
    } catch (error) {
      session.close();
      throw error;
    }
  });
}

/** Bare startup exchange. Never rejects. */
export function attemptStartup(access: Access, address: ResolvedAddress, signal: AbortSignal): Promise<Attempt> {
  return attempt(access, address, signal, async (socket, layers) => {
    const identity = { user: access.credentials.user, database: access.database };
    return { outcome: await exchangeStartup(socket, identity, layers, signal), session: null };
  });
}

/** A walsender session; rejects when the role has no right to it, or on any other trouble. */
export async function openReplication(access: Access, address: ResolvedAddress, signal: AbortSignal): Promise<Session> {
  const layers = startLayers(access.clock, 'tcp');
  const socket = await openWire({ address: address.address, port: access.port }, access.security, layers, signal);
  return openSession(socket, { ...sessionOptions(access, address), replication: true }, layers, signal);
}

/** @param settings SQL to send in front, in the same round trip; empty when the session has them already. */
export async function queryFacts(session: Session, settings: string, signal: AbortSignal): Promise<MemberFacts> {
  const text = settings + PROBE_SQL;
  try {
    return parseFacts(await session.query(text, signal));
  } catch (error) {
    if (!momentary.has(sqlStateOf(error) ?? '')) throw error;
    return parseFacts(await session.query(text, signal));
  }
}

async function attempt(
  access: Access,
  address: ResolvedAddress,
  signal: AbortSignal,
  ask: (socket: Socket, layers: LayerTimer) => Promise<Pick<Attempt, 'outcome' | 'session'>>,
): Promise<Attempt> {
  const layers = startLayers(access.clock, 'tcp');
  try {
    const socket = await openWire({ address: address.address, port: access.port }, access.security, layers, signal);
    return { ...address, ...(await ask(socket, layers)), timings: layers.timings() };
  } catch (error) {
    return { ...address, outcome: failureOf(error, layers.layer()), timings: layers.timings(), session: null };
  }
}

function sessionOptions(access: Access, { address }: ResolvedAddress) {
  const { clock, port, database, credentials } = access;
  return { clock, endpoint: { address, port }, database, credentials };
}
