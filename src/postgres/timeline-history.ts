import type { TimelineSwitch } from '../api/evidence.ts';
import { parseLsn } from '../api/lsn.ts';
import type { Session } from './session.ts';

const LINE = /^\s*([0-9]+)\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)/;

/** Asks a walsender for the history of `timeline` (2 or later). Rejects as `Session.query` does. */
export async function readTimelineHistory(
  session: Session,
  timeline: number,
  signal: AbortSignal,
): Promise<readonly TimelineSwitch[] | null> {
  const [row] = await session.query(`TIMELINE_HISTORY ${timeline}`, signal);
  const content = row?.content;
  // PostgreSQL 14 declares the column as bytea, later ones as text.
  if (Buffer.isBuffer(content)) return parseTimelineHistory(content.toString('utf8'));
  return typeof content === 'string' ? parseTimelineHistory(content) : null;
}

/** A history file's lines, `timeline LSN reason`; comments and blank lines between them. `null` when it is none. */
export function parseTimelineHistory(text: string): readonly TimelineSwitch[] | null {
  const switches: TimelineSwitch[] = [];
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.trimStart().startsWith('#')) continue;
    const match = LINE.exec(line);
    const endLsn = match === null ? null : parseLsn(match[2] ?? '');
    if (match === null || endLsn === null) return null;
    switches.push({ timeline: Number(match[1]), endLsn });
  }
  return switches;
}
