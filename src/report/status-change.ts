/** Whether a new status is worth a write: on any change but that of numbers, and for numbers once a minute. */
import type { Status } from '../api/status.ts';

/** Issue 3: at rest at most one status write a minute. */
const NUMBERS_MAX_AGE_MS = 60_000;

export function worthWriting(previous: Status, next: Status, nowMs: number): boolean {
  if (canonical(withoutNumbers(previous)) !== canonical(withoutNumbers(next))) return true;
  if (canonical(previous) === canonical(next)) return false;
  const readAtMs = Date.parse(previous.numbersAt ?? '');
  // A wall clock that was set back must not silence the status until it has caught up.
  return Number.isNaN(readAtMs) || Math.abs(nowMs - readAtMs) >= NUMBERS_MAX_AGE_MS;
}

function withoutNumbers(status: Status): unknown {
  const {
    numbersAt: _numbersAt,
    lag: _lag,
    baseline,
    ifItFailedNow,
    attempt,
    decision,
    members,
    conditions,
    ...rest
  } = status;
  return {
    ...rest,
    baseline: baseline && { ...baseline, lsn: '', at: '' },
    ifItFailedNow: ifItFailedNow && { ...ifItFailedNow, estimatedLossBytes: 0 },
    // It moves with `retries`, and by the millisecond between two readings of the clocks.
    attempt: attempt && { ...attempt, nextRetryAt: '' },
    decision: decision && { ...decision, message: withoutAmounts(decision.message) },
    members: members?.map(({ lsn: _lsn, lagBytes: _lagBytes, lagSeconds: _lagSeconds, ...member }) => ({
      ...member,
      reason: withoutAmounts(member.reason ?? ''),
      notEligible: withoutAmounts(member.notEligible ?? ''),
    })),
    conditions: conditions?.map((condition) => ({ ...condition, message: withoutAmounts(condition.message) })),
  };
}

/**
 * Sentences carry ages, lags and positions ("48s behind", "4 looks in a row", "0/3000148", times). Those are numbers
 * too; digits inside a name such as `db-2` are not.
 */
const AMOUNT =
  /(?<![\w.-])(\d{4}-\d\d-\d\dT[\d:.]+Z|[\dA-F]+\/[\dA-F]+|(\d+(\.\d+)?\s?([KMGT]i)?(ms|[smhB])?)+)(?![\w-]|\.\d)/g;

function withoutAmounts(text: string): string {
  return text.replace(AMOUNT, '#');
}

/** JSON with sorted keys and without absent fields: the API server's order and ours must compare equal. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
