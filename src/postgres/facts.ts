import { z } from 'zod';
import type { MemberFacts } from '../api/evidence.ts';
import { type Lsn, parseLsn } from '../api/lsn.ts';
import { ProbeFailure } from './probe-failure.ts';
import type { Row } from './session.ts';

const lsn = z.string().transform((text, context): Lsn => {
  const parsed = parseLsn(text);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: 'not an LSN' });
  return z.NEVER;
});
const lsnOrNull = lsn.nullable();
const timeline = z.int().positive();
/** Ages are differences of two clocks: a little below zero is the clocks' difference, not news from the future. */
const ageMs = z.number().transform((ms) => Math.max(0, Math.round(ms)));

const receiver = z.object({
  status: z.string(),
  senderHost: z.string().nullable(),
  senderPort: z.int().nullable(),
  slotName: z.string().nullable(),
  receivedTimeline: z.int(),
  latestEndLsn: lsnOrNull,
  lastMessageAgeMs: ageMs.nullable(),
});

const standby = z.object({
  applicationName: z.string(),
  clientAddress: z.string().nullable(),
  state: z.string(),
  syncState: z.string(),
  sentLsn: lsnOrNull,
  replayLsn: lsnOrNull,
});

const answer = z.object({
  systemIdentifier: z.string().regex(/^[0-9]{1,20}$/),
  startedAt: z.string().regex(/^[0-9]{1,20}$/),
  serverVersion: z.int().positive(),
  inRecovery: z.boolean(),
  readOnly: z.boolean(),
  walTimeline: z
    .string()
    .regex(/^[0-9A-F]{8}$/)
    .transform((hex) => Number.parseInt(hex, 16))
    .nullable(),
  receivedTimeline: z.int().nullable(),
  controlTimeline: timeline,
  currentLsn: lsnOrNull,
  receiveLsn: lsnOrNull,
  replayLsn: lsnOrNull,
  replayAgeMs: ageMs.nullable(),
  replayPaused: z.boolean(),
  receiver: receiver.nullable(),
  standbys: z.array(standby),
  synchronousStandbyNames: z.string(),
  walReceiverTimeoutMs: z.number(),
  monitor: z.boolean(),
  replication: z.boolean(),
  controllerSessions: z.array(z.string()),
});

/** How failover managers name their sessions; compared as prefixes, in lower case. */
const controllers: readonly (readonly [prefix: string, name: string])[] = [
  ['patroni', 'Patroni'],
  ['repmgr', 'repmgrd'],
  ['pg_auto_failover', 'pg_auto_failover'],
  ['pgautofailover', 'pg_auto_failover'],
  ['pg_autoctl', 'pg_auto_failover'],
  ['stolon', 'Stolon'],
  ['cnpg', 'CloudNativePG'],
];

/**
 * The probe's answer as facts; `history` is still unknown.
 * @throws ProbeFailure `NotPostgres` when the answer is not what `PROBE_SQL` asks for: something else speaks the protocol.
 */
export function parseFacts(rows: readonly Row[]): MemberFacts {
  const { walTimeline, receivedTimeline, controlTimeline, monitor, replication, controllerSessions, ...rest } =
    parseAnswer(rows[0]?.facts);
  return {
    ...rest,
    // After a promotion the control file names the old timeline until the next checkpoint; WAL file names do not.
    timeline: walTimeline ?? (receivedTimeline === null ? controlTimeline : Math.max(receivedTimeline, 1)),
    history: null,
    rights: { monitor, replication },
    otherControllers: controllersOf(controllerSessions),
  };
}

function parseAnswer(text: unknown): z.infer<typeof answer> {
  try {
    return answer.parse(JSON.parse(String(text)));
  } catch (error) {
    const field = error instanceof z.ZodError ? (error.issues[0]?.path.join('.') ?? '') : 'no JSON';
    throw new ProbeFailure({ kind: 'NotPostgres', detail: `the answer to the probe is not PostgreSQL's (${field})` });
  }
}

function controllersOf(sessions: readonly string[]): string[] {
  const names = sessions.flatMap((session) => {
    const known = controllers.find(([prefix]) => session.toLowerCase().startsWith(prefix));
    return known === undefined ? [] : [known[1]];
  });
  return [...new Set(names)].sort();
}
