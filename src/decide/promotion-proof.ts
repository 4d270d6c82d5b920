/**
 * Could a promotion of this standby be proven if it came now, and by what? Asked while all is well, so that a group whose
 * promotions would end in a hold (rule 324) is told of it before it loses its primary.
 */
import type { ReceiverFacts } from '../api/evidence.ts';
import type { PromotionProof, PromotionProofs } from '../api/promotion-proof.ts';
import type { GroupSettings, MemberSettings } from '../api/settings.ts';
import type { MemberView } from '../api/verdict.ts';
import { isSentBy, mayReadHistory, type StreamMemory, whyNotRemembered } from './lineage.ts';
import { type KnownBaseline, settingsOf } from './observation.ts';

/** Twice `wal_retrieve_retry_interval` (5 s), after which a standby that lost its stream asks for it again. */
export const SETTLE_MS = 10_000;

export interface ProofMemory {
  readonly proofs: PromotionProofs;
  /** Monotonic ms since which the proof has been of its kind, by standby; of those that settle. */
  readonly sinceMs: ReadonlyMap<string, number>;
}

export const noProofs: ProofMemory = { proofs: new Map(), sinceMs: new Map() };

export interface ProofContext {
  readonly settings: GroupSettings;
  readonly members: readonly MemberView[];
  readonly baseline: KnownBaseline | null;
  readonly quarantined: ReadonlyMap<string, number>;
  readonly memories: ReadonlyMap<string, StreamMemory>;
  readonly nowMs: number;
}

/** What was known of a standby stands while it does not answer: it cannot be promoted then, and may come back as it was. */
export function nextPromotionProofs(before: ProofMemory, context: ProofContext): ProofMemory {
  const proofs = new Map<string, PromotionProof>();
  const sinceMs = new Map<string, number>();
  const { baseline, nowMs } = context;
  if (baseline === null) return noProofs;
  for (const member of context.members) {
    const { name } = member;
    if (name === baseline.primary || context.quarantined.has(name) || member.writable) continue;
    const known = before.proofs.get(name);
    const since = (kind: PromotionProof['kind']) =>
      known?.kind === kind ? (before.sinceMs.get(name) ?? nowMs) : nowMs;
    const hasLasted = (kind: PromotionProof['kind']) => nowMs - since(kind) >= SETTLE_MS;
    const proof = member.standby
      ? proofOf(member, baseline, context, hasLasted('None'))
      : withoutAnswer(member, known, hasLasted('Unheard'));
    if (proof === undefined) continue;
    proofs.set(name, proof);
    if (proof.kind === 'None' || (proof.kind === 'Unheard' && member.asked)) sinceMs.set(name, since(proof.kind));
  }
  return { proofs, sinceMs };
}

/** A dead member cannot be promoted: nothing of it is waited for. */
function withoutAnswer(
  { facts, dead }: MemberView,
  known: PromotionProof | undefined,
  hasLasted: boolean,
): PromotionProof | undefined {
  if (facts === null) return dead ? undefined : { kind: 'Unheard', settled: hasLasted };
  return known?.kind === 'Unheard' ? undefined : known;
}

function proofOf(
  member: MemberView,
  baseline: KnownBaseline,
  context: ProofContext,
  hasLasted: boolean,
): PromotionProof {
  // On timeline 1 there is no history to read yet; elsewhere it was read, or something other than the right is missing.
  if (mayReadHistory(member) && member.facts?.history !== null) return { kind: 'History' };
  const forgotten = whyNotRemembered(member, baseline, context.memories.get(member.name) ?? null, context.nowMs);
  if (forgotten === null) return { kind: 'Streaming' };
  const history = mayReadHistory(member)
    ? {
        why: 'its timeline history cannot be read',
        remedy: `leave a WAL sender of ${member.name} free (max_wal_senders), and let no pooler stand before it`,
      }
    : {
        why: 'the monitor role lacks REPLICATION there',
        remedy: 'run ALTER ROLE … REPLICATION for the monitor role',
      };
  const stream = whyNotSeenStreaming(member, baseline, context, forgotten);
  const remedies = stream.remedy === null ? [history.remedy] : [history.remedy, stream.remedy];
  return { kind: 'None', why: `${history.why}, and ${stream.why}`, remedies, settled: hasLasted };
}

interface Hindrance {
  readonly why: string;
  readonly remedy: string | null;
}

function whyNotSeenStreaming(
  { facts }: MemberView,
  { primary, timeline }: KnownBaseline,
  context: ProofContext,
  forgotten: string,
): Hindrance {
  if (facts?.rights.monitor === false) {
    const remedy = 'run GRANT pg_monitor TO the monitor role, which then sees whom it streams from';
    return { why: 'its WAL receiver is hidden from that role', remedy };
  }
  const receiver = facts?.receiver ?? null;
  if (receiver === null || receiver.status !== 'streaming') {
    return { why: 'it does not stream', remedy: `let it stream from ${primary}` };
  }
  const sender = senderOf(receiver, context);
  if (sender === null) return fromUnknown(receiver, primary);
  if (sender !== primary) return { why: `it streams from ${sender}, not from ${primary}`, remedy: null };
  if (receiver.receivedTimeline !== timeline) {
    return { why: `it streams on timeline ${receiver.receivedTimeline}, not on ${timeline}`, remedy: null };
  }
  return { why: forgotten, remedy: null };
}

function senderOf({ senderHost, senderPort }: ReceiverFacts, { settings, members }: ProofContext): string | null {
  const isSender = (view: MemberView): boolean => {
    const known: MemberSettings | null = settingsOf(settings, view.name);
    return known !== null && isSentBy(senderHost, senderPort, { settings: known, view });
  };
  return members.find(isSender)?.name ?? null;
}

function fromUnknown({ senderHost, senderPort }: ReceiverFacts, primary: string): Hindrance {
  // A directory is the socket of the same machine: no name that the spec could hold.
  if (senderHost === null || senderHost.startsWith('/')) {
    return { why: `it does not tell the host of ${primary} that it streams from`, remedy: null };
  }
  const port = senderPort === null ? '' : `, port: ${senderPort}`;
  return {
    why: `it streams from ${senderHost}${senderPort === null ? '' : ` port ${senderPort}`}, which is not known as ${primary}`,
    remedy: `if that is ${primary}, set its members[].replication to {host: ${senderHost}${port}}`,
  };
}
