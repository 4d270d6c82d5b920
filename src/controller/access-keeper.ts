/**
 * Keeps the members' credentials and certificates up to date: by GET at start, each minute, after a refused login, and
 * more often while one is missing.
 * While the API server cannot be asked, the last good ones stay in use (I9).
 */
import type { Evidence } from '../api/evidence.ts';
import { KubeError } from '../ports/kube.ts';
import type { MemberTarget, MonitorAccess } from '../ports/members.ts';
import { type GroupAccess, readAccess } from './access.ts';
import type { Environment } from './environment.ts';
import type { Group } from './group.ts';

export interface AccessKeeper {
  /** Reads now and points the members at what was read; also after the spec changed. */
  apply(): void;
  /** A refused login or certificate is a reason to read anew, at most once a second. */
  noteEvidence(evidence: Evidence): void;
  stop(): void;
}

const REFRESH_MS = 60_000;
/** While something is missing or malformed: a person who mends it wants to see that. */
const MENDING_MS = 2000;
const MIN_PAUSE_MS = 1000;
const READ_DEADLINE_MS = 5000;
/** invalid_password, invalid_authorization_specification. */
const REFUSED_LOGIN: ReadonlySet<string> = new Set(['28P01', '28000']);

export function createAccessKeeper(group: Group, env: Environment, wake: () => void): AccessKeeper {
  const stopping = new AbortController();
  let last: GroupAccess | null = null;
  let reading = false;
  let again = false;
  let readAtMs = Number.NEGATIVE_INFINITY;
  let cancelTimer: () => void = () => {};

  const schedule = (ms: number): void => {
    cancelTimer();
    if (!stopping.signal.aborted) cancelTimer = env.clock.after(ms, apply);
  };

  const apply = (): void => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    void read().finally(() => {
      reading = false;
      if (again && !stopping.signal.aborted) {
        again = false;
        apply();
      }
    });
  };

  const read = async (): Promise<void> => {
    let nextMs = REFRESH_MS;
    try {
      last = await readAccess(env.kube, group.key.namespace, group.spec, {
        signal: stopping.signal,
        deadlineMs: READ_DEADLINE_MS,
      });
    } catch (error) {
      if (stopping.signal.aborted) return;
      nextMs = MIN_PAUSE_MS;
      const code = error instanceof KubeError ? error.code : 'Unexpected';
      env.log.warn({ ...group.key, code }, 'credentials could not be read; the last ones stay in use');
    }
    if (stopping.signal.aborted) return;
    readAtMs = env.clock.monotonicMs();
    if (last !== null) point(group, last);
    if (group.accessProblems.length > 0) nextMs = Math.min(nextMs, MENDING_MS);
    schedule(nextMs);
    wake();
  };

  return {
    apply,
    noteEvidence: ({ outcome }) => {
      const refused = outcome.kind === 'Rejected' && REFUSED_LOGIN.has(outcome.sqlState);
      if (!refused && outcome.kind !== 'TlsFailed') return;
      const waitMs = readAtMs + MIN_PAUSE_MS - env.clock.monotonicMs();
      if (waitMs <= 0) apply();
    },
    stop: () => {
      stopping.abort();
      cancelTimer();
    },
  };
}

const NOT_READ: MonitorAccess = {
  kind: 'Unusable',
  why: 'CredentialsMissing',
  detail: 'the Secret has not been read yet',
};

function point(group: Group, access: GroupAccess): void {
  const targets = new Map<string, MemberTarget>();
  for (const member of group.settings.members) {
    targets.set(member.name, {
      member: member.name,
      host: member.endpoint.host,
      port: member.endpoint.port,
      database: group.spec.database,
      access: access.get(member.name) ?? NOT_READ,
    });
  }
  const unusable = [...access.values()].filter((one) => one.kind === 'Unusable');
  group.accessProblems = [
    ...new Map(unusable.map((one) => [one.detail, { reason: one.why, message: one.detail }])).values(),
  ];
  group.prober.configure(group.settings, targets);
}
