/** Bad looks in a row, and what of them counts. The rules of counting are stated in `track.ts`. */
import type { Evidence } from '../api/evidence.ts';
import type { BadLook } from './track-look.ts';

export interface Trouble {
  /** The latest bad look. */
  readonly look: BadLook;
  /** Monotonic start of the first bad look. */
  readonly sinceMs: number;
  /** Bad looks in a row. */
  readonly looks: number;
  /** Those in a row that count toward dead. */
  readonly failed: number;
  /** `Starting` looks in a row. */
  readonly waits: number;
  /** Signs of life in a row. */
  readonly lives: number;
  /** Bad looks on new connections in a row; the standing session vouches while they are few. */
  readonly newBad: number;
  /** A new connection was among the bad looks: a standing answer alone does not end this. */
  readonly onNewConnection: boolean;
}

export function nextTrouble(before: Trouble | null, evidence: Evidence, look: BadLook, onSession: boolean): Trouble {
  const { weight } = look;
  const failedBefore = before?.failed ?? 0;
  const livesBefore = before?.lives ?? 0;
  return {
    look,
    sinceMs: before?.sinceMs ?? evidence.startedAtMs,
    looks: (before?.looks ?? 0) + 1,
    failed: weight === 'Down' ? failedBefore + 1 : weight === 'Neutral' ? failedBefore : 0,
    waits: weight === 'Starting' ? (before?.waits ?? 0) + 1 : 0,
    lives: weight === 'Lives' ? livesBefore + 1 : weight === 'Neutral' ? livesBefore : 0,
    newBad: (before?.newBad ?? 0) + (onSession ? 0 : 1),
    onNewConnection: (before?.onNewConnection ?? false) || !onSession,
  };
}
