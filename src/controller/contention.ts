/**
 * Somebody else keeps changing what we publish. The first repairs come at once; then each waits twice as long as the
 * one before, so that two controllers do not wear out the API server, and a person is told who the other one is.
 */
import type { Problem } from '../report/input.ts';
import type { ForeignEdit } from '../route/foreign-edits.ts';

export interface Contention {
  /** Of the last minute, oldest first. */
  readonly edits: readonly { readonly edit: ForeignEdit; readonly atMs: number }[];
  /** Edits since the last minute without any. */
  readonly streak: number;
  /** Not repaired before this time (monotonic ms). */
  readonly repairAtMs: number;
  /** Lasts until a minute has passed without an edit. */
  readonly contended: boolean;
}

export const noContention: Contention = {
  edits: [],
  streak: 0,
  repairAtMs: Number.NEGATIVE_INFINITY,
  contended: false,
};

/** Design, section 7: five in a minute. */
const WINDOW_MS = 60_000;
const LIMIT = 5;
/** The second edit in a row waits so long for its repair, the third twice as long, and so on. */
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 30_000;

/** After edits by others were found and repaired. */
export function noteForeignEdits(before: Contention, found: readonly ForeignEdit[], nowMs: number): Contention {
  if (found.length === 0) return before;
  const known = quietSince(before, nowMs) ? noContention : before;
  const recent = known.edits.filter(({ atMs }) => nowMs - atMs < WINDOW_MS);
  const edits = [...recent, ...found.map((edit) => ({ edit, atMs: nowMs }))];
  const streak = known.streak + found.length;
  const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (streak - 1));
  return { edits, streak, repairAtMs: nowMs + pauseMs, contended: known.contended || edits.length >= LIMIT };
}

/** What a person should know; null while nobody contends. */
export function contentionProblem(contention: Contention, nowMs: number): Problem | null {
  if (!contention.contended || quietSince(contention, nowMs)) return null;
  const objects = new Set(contention.edits.map(({ edit }) => `${edit.kind} ${edit.name}`));
  const managers = new Set(contention.edits.map(({ edit }) => edit.by));
  return {
    reason: 'Contended',
    message:
      `${[...managers].join(' and ')} keeps changing ${[...objects].join(', ')} (${LIMIT} times in a minute or more); ` +
      'each time it is put back, with growing pauses. Make that stop, or choose other names in spec.routes.',
  };
}

function quietSince({ edits }: Contention, nowMs: number): boolean {
  const last = edits.at(-1);
  return last === undefined || nowMs - last.atMs >= WINDOW_MS;
}
