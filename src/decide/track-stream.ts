/** What a standby's WAL receiver was seen doing over time: the memory that a witness's vote needs. */
import type { MemberFacts } from '../api/evidence.ts';
import { type Lsn, maxLsn } from '../api/lsn.ts';

export interface StreamTrack {
  /** The sender of the last look that saw it streaming; null before the first. */
  readonly sender: { readonly host: string | null; readonly port: number | null } | null;
  /** Monotonic ms of the first look of a row that did not see it streaming; null while it streams. */
  readonly stoppedAtMs: number | null;
  readonly lsn: Lsn | null;
  /** WAL arrived after this moment (the start of the look before the one that saw more); null before the first growth. */
  readonly grewAfterMs: number | null;
}

export const noStream: StreamTrack = { sender: null, stoppedAtMs: null, lsn: null, grewAfterMs: null };

/** `previousLookMs`: monotonic start of the answer before this one; null when this is the first. */
export function meetStream(
  stream: StreamTrack,
  facts: MemberFacts,
  answer: { readonly startedAtMs: number; readonly previousLookMs: number | null },
): StreamTrack {
  const { receiver } = facts;
  const isStreaming = receiver !== null && receiver.status === 'streaming';
  const lsn = maxLsn(facts.receiveLsn, facts.replayLsn);
  const grew = stream.lsn !== null && lsn !== null && lsn > stream.lsn;
  return {
    sender: isStreaming ? { host: receiver.senderHost, port: receiver.senderPort } : stream.sender,
    stoppedAtMs: isStreaming ? null : (stream.stoppedAtMs ?? answer.startedAtMs),
    lsn: lsn ?? stream.lsn,
    grewAfterMs: grew ? answer.previousLookMs : stream.grewAfterMs,
  };
}
