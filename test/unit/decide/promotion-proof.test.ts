import { describe, expect, it } from 'vitest';
import type { MemberFacts, ReceiverFacts } from '../../../src/api/evidence.ts';
import type { MemberView } from '../../../src/api/verdict.ts';
import { STREAM_MEMORY_MS, type StreamMemory } from '../../../src/decide/lineage.ts';
import { nextPromotionProofs, noProofs, type ProofContext, SETTLE_MS } from '../../../src/decide/promotion-proof.ts';
import { baseline, memberSettings, primary, SYSTEM_IDENTIFIER, settings, standby } from '../../support/views.ts';

const NO_REPLICATION = { monitor: true, replication: false };
const memory: StreamMemory = {
  primary: 'a',
  systemIdentifier: SYSTEM_IDENTIFIER,
  timeline: 1,
  startedAt: '1000',
  atMs: 0,
};

const receiver = (over: Partial<ReceiverFacts> = {}): ReceiverFacts => ({
  status: 'streaming',
  senderHost: 'replication.example',
  senderPort: 5432,
  slotName: null,
  receivedTimeline: 1,
  latestEndLsn: null,
  lastMessageAgeMs: 0,
  ...over,
});

/** A standby `b` whose history our role may not read. */
const plain = (over: Partial<MemberFacts> = {}): MemberView =>
  standby('b', {}, { rights: NO_REPLICATION, receiver: receiver(), ...over });

const context = (b: MemberView, over: Partial<ProofContext> = {}): ProofContext => ({
  settings: settings(['a', 'b', 'c']),
  members: [primary('a'), b, standby('c')],
  baseline: baseline(),
  quarantined: new Map(),
  memories: new Map(),
  nowMs: 0,
  ...over,
});

const proofOf = (b: MemberView, over: Partial<ProofContext> = {}) =>
  nextPromotionProofs(noProofs, context(b, over)).proofs.get('b');

describe('a promotion could be proven', () => {
  it('by the history, where the role may read it', () => {
    expect(proofOf(standby('b'))).toEqual({ kind: 'History' });
  });

  it('by having seen it stream from the primary', () => {
    expect(proofOf(plain(), { memories: new Map([['b', memory]]) })).toEqual({ kind: 'Streaming' });
  });

  it('by the stream, when the history of a later timeline cannot be read in spite of the right', () => {
    const later = { memories: new Map([['b', { ...memory, timeline: 2 }]]), baseline: baseline({ timeline: 2 }) };
    expect(proofOf(standby('b', {}, { timeline: 2, history: null }), later)).toEqual({ kind: 'Streaming' });
  });
});

describe('a promotion could not be proven', () => {
  const HISTORY = 'run ALTER ROLE … REPLICATION for the monitor role';
  it.each<[string, MemberView, Partial<ProofContext>, string, string[]]>([
    [
      'while it streams from an address that is not known as the primary',
      plain(),
      {},
      'it streams from replication.example port 5432, which is not known as a',
      [HISTORY, 'if that is a, set its members[].replication to {host: replication.example, port: 5432}'],
    ],
    [
      'of a standby behind another',
      plain({ receiver: receiver({ senderHost: 'c.db.example' }) }),
      {},
      'it streams from c, not from a',
      [HISTORY],
    ],
    [
      'while it does not stream',
      plain({ receiver: null }),
      {},
      'it does not stream',
      [HISTORY, 'let it stream from a'],
    ],
    [
      'while its receiver is hidden',
      plain({ rights: { monitor: false, replication: false } }),
      {},
      'its WAL receiver is hidden from that role',
      [HISTORY, 'run GRANT pg_monitor TO the monitor role, which then sees whom it streams from'],
    ],
    [
      'over a socket',
      plain({ receiver: receiver({ senderHost: '/tmp' }) }),
      {},
      'it does not tell the host of a',
      [HISTORY],
    ],
    [
      'of another run than the one that was seen to stream',
      plain({ receiver: receiver({ senderHost: 'a.db.example' }) }),
      { memories: new Map([['b', { ...memory, startedAt: '999' }]]) },
      'it restarted since it was seen streaming',
      [HISTORY],
    ],
    [
      'on what was seen more than an hour ago',
      plain({ receiver: receiver({ senderHost: 'a.db.example' }) }),
      { memories: new Map([['b', memory]]), nowMs: STREAM_MEMORY_MS + 1 },
      'more than an hour ago',
      [HISTORY],
    ],
    [
      'when the right is there and pg_hba.conf forbids to use it',
      standby('b', {}, { timeline: 2, history: null }),
      { baseline: baseline({ timeline: 2 }) },
      'its timeline history cannot be read, and it does not stream',
      ['leave a WAL sender of b free (max_wal_senders), and let no pooler stand before it', 'let it stream from a'],
    ],
  ])('%s', (_, member, over, why, remedies) => {
    expect(proofOf(member, over)).toEqual({
      kind: 'None',
      why: expect.stringContaining(why),
      remedies,
      settled: false,
    });
  });

  it('until replication names the address that the standby streams from', () => {
    const members = settings(['a', 'b', 'c']).members.map((member) =>
      member.name === 'a' ? memberSettings('a', { replication: { host: 'replication.example', port: 5432 } }) : member,
    );
    const known = context(plain(), { settings: settings(['a', 'b', 'c'], { members }) });
    expect(nextPromotionProofs(noProofs, known).proofs.get('b')).toMatchObject({
      why: expect.stringContaining('not seen streaming from a'),
    });
  });
});

describe('the lack of a proof', () => {
  it('is settled once it has lasted, and over at the first proof', () => {
    const first = nextPromotionProofs(noProofs, context(plain()));
    const early = nextPromotionProofs(first, context(plain(), { nowMs: SETTLE_MS - 1 }));
    const late = nextPromotionProofs(early, context(plain(), { nowMs: SETTLE_MS }));
    const seen = nextPromotionProofs(late, context(plain(), { nowMs: SETTLE_MS, memories: new Map([['b', memory]]) }));
    const lost = nextPromotionProofs(seen, context(plain(), { nowMs: SETTLE_MS + 1 }));
    const settled = [first, early, late, lost].map(({ proofs }) => proofs.get('b'));
    expect(settled.map((proof) => proof?.kind === 'None' && proof.settled)).toEqual([false, false, true, false]);
    expect(seen.proofs.get('b')?.kind).toBe('Streaming');
  });

  it('stands while the standby does not answer', () => {
    const known = nextPromotionProofs(noProofs, context(plain()));
    const away = { ...plain(), verdict: 'Silent', standby: false } as const;
    expect(nextPromotionProofs(known, context(away, { nowMs: SETTLE_MS })).proofs.get('b')).toEqual(
      known.proofs.get('b'),
    );
    expect(nextPromotionProofs(noProofs, context(away)).proofs.has('b')).toBe(false);
  });
});

describe('a standby that this process never heard of', () => {
  const unheard = (over: Partial<MemberView> = {}): MemberView => ({
    ...plain(),
    ...{ verdict: 'TlsFailed', facts: null, standby: false },
    ...over,
  });
  const proofAfter = (...looks: readonly [MemberView, number][]) =>
    looks.reduce((before, [b, nowMs]) => nextPromotionProofs(before, context(b, { nowMs })), noProofs).proofs.get('b');

  it('is waited for from its first look on, for as long as for a proof', () => {
    const waited = { kind: 'Unheard', settled: false };
    expect(proofAfter([unheard({ asked: false }), 0], [unheard(), SETTLE_MS])).toEqual(waited);
    expect(proofAfter([unheard(), 0], [unheard(), SETTLE_MS - 1])).toEqual(waited);
    expect(proofAfter([unheard(), 0], [unheard(), SETTLE_MS])).toEqual({ kind: 'Unheard', settled: true });
  });

  it('has its own time to show a proof once it answers', () => {
    expect(proofAfter([unheard(), 0], [plain(), SETTLE_MS])).toMatchObject({ kind: 'None', settled: false });
    expect(proofAfter([unheard(), 0], [{ ...plain(), verdict: 'Overloaded', standby: false }, 1])).toBeUndefined();
  });

  it('is not waited for when it is dead', () => {
    expect(proofAfter([unheard(), 0], [unheard({ dead: true }), 1])).toBeUndefined();
  });
});

describe('nobody asks for a proof', () => {
  it.each<[string, MemberView, Partial<ProofContext>]>([
    ['of a quarantined member', plain(), { quarantined: new Map([['b', 2]]) }],
    ['of a member that accepts writes', primary('b'), {}],
    ['without a baseline', plain(), { baseline: null }],
  ])('%s', (_, member, over) => {
    expect(proofOf(member, over)).toBeUndefined();
  });

  it('of the primary', () => {
    const demoted = { members: [standby('a', {}, { rights: NO_REPLICATION }), plain()] };
    expect(nextPromotionProofs(noProofs, context(plain(), demoted)).proofs.has('a')).toBe(false);
  });
});
