import { describe, expect, test } from 'vitest';
import type { AttachedStandby, MemberFacts, ReceiverFacts } from '../../../src/api/evidence.ts';
import type { WitnessVote } from '../../../src/api/verdict.ts';
import { observe, type Track } from '../../../src/decide/track.ts';
import { newTrack } from '../../../src/decide/track-state.ts';
import { viewMembers } from '../../../src/decide/views.ts';
import { answered, detection, evidence, refused } from '../../support/looks.ts';
import { lsn, memberSettings, settings } from '../../support/views.ts';

const receiver = (over: Partial<ReceiverFacts> = {}): ReceiverFacts => ({
  status: 'streaming',
  senderHost: 'a.db.example',
  senderPort: 5432,
  slotName: null,
  receivedTimeline: 1,
  latestEndLsn: null,
  lastMessageAgeMs: 100,
  ...over,
});

interface StandbyLook {
  readonly atMs: number;
  readonly receiver: ReceiverFacts | null;
  readonly receiveLsn?: number;
  readonly walReceiverTimeoutMs?: number;
}

function standbyTrack(looks: readonly StandbyLook[]): Track {
  return looks.reduce(
    (track, { atMs, receiveLsn = 5000, ...over }, sequence) => {
      const facts: Partial<MemberFacts> = {
        startedAt: '2',
        inRecovery: true,
        currentLsn: null,
        receiveLsn: lsn(receiveLsn),
        ...over,
      };
      const look = evidence({
        member: 'b',
        outcome: answered(facts),
        sequence,
        startedAtMs: atMs,
        endedAtMs: atMs + 2,
      });
      return observe(track, look, detection);
    },
    newTrack(memberSettings('b'), 1),
  );
}

/** The primary last answered at 10 000 and refuses since 11 000; null: it still answers. */
function primaryTrack(lostAtMs: number | null, standbys: readonly AttachedStandby[] = []): Track {
  const healthy = observe(
    newTrack(memberSettings('a'), 0),
    evidence({ outcome: answered({ standbys }), startedAtMs: 10_000 }),
    detection,
  );
  if (lostAtMs === null) return healthy;
  return observe(healthy, evidence({ outcome: refused, sequence: 1, startedAtMs: lostAtMs }), detection);
}

function vote(
  looks: readonly StandbyLook[],
  nowMs: number,
  primary: { readonly lostAtMs?: number | null; readonly standbys?: readonly AttachedStandby[] } = {},
): WitnessVote | undefined {
  const { lostAtMs = 11_000, standbys } = primary;
  const tracks = new Map([
    ['a', primaryTrack(lostAtMs, standbys)],
    ['b', standbyTrack(looks)],
  ]);
  const context = { nowMs, primary: 'a', primaryLsn: null, systemIdentifier: null };
  return viewMembers(tracks, settings(['a', 'b']), context)[1]?.witness;
}

const before: StandbyLook = { atMs: 10_000, receiver: receiver() };
const proxy = receiver({ senderHost: 'proxy.example' });
const upstream = receiver({ senderHost: 'c.db.example', lastMessageAgeMs: 0 });
const attached = (over: Partial<AttachedStandby> = {}): AttachedStandby => ({
  applicationName: 'walreceiver',
  clientAddress: null,
  state: 'streaming',
  syncState: 'async',
  sentLsn: null,
  replayLsn: null,
  ...over,
});

describe('a standby that streamed from the primary', () => {
  test.each<readonly [string, readonly StandbyLook[], number, WitnessVote]>([
    [
      'votes Alive for a message received since we lost sight',
      [before, { atMs: 12_000, receiver: receiver({ lastMessageAgeMs: 300 }) }],
      12_000,
      'Alive',
    ],
    [
      'does not for a message that may have come before',
      [before, { atMs: 12_000, receiver: receiver({ lastMessageAgeMs: 1001 }) }],
      12_000,
      'Undecided',
    ],
    [
      'votes Alive for WAL that arrived between two looks since',
      [
        before,
        { atMs: 11_500, receiver: receiver({ lastMessageAgeMs: null }) },
        { atMs: 12_000, receiver: receiver({ lastMessageAgeMs: null }), receiveLsn: 6000 },
      ],
      12_000,
      'Alive',
    ],
    [
      'does not for WAL that may have come before',
      [before, { atMs: 12_000, receiver: receiver({ lastMessageAgeMs: null }), receiveLsn: 6000 }],
      12_000,
      'Undecided',
    ],
    ['votes Lost when its receiver has ended', [before, { atMs: 12_000, receiver: null }], 12_000, 'Lost'],
    [
      'votes Lost when its receiver waits',
      [before, { atMs: 12_000, receiver: receiver({ status: 'waiting' }) }],
      12_000,
      'Lost',
    ],
    [
      'votes Alive as long as its receiver would wait for the next message',
      [before, { atMs: 17_500, receiver: receiver({ lastMessageAgeMs: 3500 }) }],
      17_500,
      'Alive',
    ],
    [
      'is Undecided no longer than its wal_receiver_timeout',
      [before, { atMs: 16_500, receiver: receiver({ lastMessageAgeMs: 6000 }) }],
      16_500,
      'NoVote',
    ],
    [
      'is Undecided no longer than witnessPatience when it has no timeout',
      [before, { atMs: 12_000, receiver: receiver({ lastMessageAgeMs: 2000 }), walReceiverTimeoutMs: 0 }],
      72_000,
      'NoVote',
    ],
    [
      'votes Alive no longer than its receiver would wait for the next message',
      [before, { atMs: 12_000, receiver: receiver({ lastMessageAgeMs: 300 }) }],
      17_000,
      'NoVote',
    ],
  ])('%s', (_, looks, nowMs, expected) => {
    expect(vote(looks, nowMs)).toBe(expected);
  });

  test('does not vote while the primary answers', () => {
    expect(vote([before], 10_500, { lostAtMs: null })).toBe('NoVote');
  });
});

describe('a standby that did not', () => {
  test('does not vote when it had stopped before the primary was lost', () => {
    const looks = [
      { atMs: 9000, receiver: null },
      { atMs: 12_000, receiver: null },
    ];
    expect(vote([{ atMs: 8000, receiver: receiver() }, ...looks], 12_000)).toBe('NoVote');
  });

  test('does not vote for the keepalives of its upstream', () => {
    expect(
      vote(
        [
          { atMs: 10_000, receiver: upstream },
          { atMs: 12_000, receiver: upstream },
        ],
        12_000,
      ),
    ).toBe('NoVote');
  });

  test('votes Alive for WAL beyond the last the primary was known to have', () => {
    const looks = [
      { atMs: 10_000, receiver: upstream },
      { atMs: 11_500, receiver: upstream },
      { atMs: 12_000, receiver: upstream, receiveLsn: 5001 },
    ];
    expect(vote(looks, 12_000)).toBe('Alive');
    expect(vote(looks, 17_000)).toBe('NoVote');
  });

  test('does not vote for WAL that arrived before the primary was lost', () => {
    const looks = [
      { atMs: 10_000, receiver: upstream },
      { atMs: 10_900, receiver: upstream, receiveLsn: 5001 },
    ];
    expect(vote(looks, 11_500)).toBe('NoVote');
  });

  test('does not vote for WAL that it merely catches up with', () => {
    const looks = [
      { atMs: 11_500, receiver: upstream, receiveLsn: 3000 },
      { atMs: 12_000, receiver: upstream, receiveLsn: 4000 },
    ];
    expect(vote(looks, 12_000)).toBe('NoVote');
  });

  test('does not vote before its first answer', () => {
    expect(vote([], 12_000)).toBe('NoVote');
  });
});

describe('a sender that we do not recognise', () => {
  const looks = [
    { atMs: 10_000, receiver: proxy },
    { atMs: 12_000, receiver: null },
  ];
  test.each<readonly [string, readonly AttachedStandby[], WitnessVote]>([
    ['is the primary when it lists the standby by name', [attached({ applicationName: 'b' })], 'Lost'],
    [
      'is not when two carry that name',
      [attached({ applicationName: 'b' }), attached({ applicationName: 'b' })],
      'NoVote',
    ],
    ['is not when it lists others', [attached({ clientAddress: '192.0.2.77' })], 'NoVote'],
  ])('%s', (_, standbys, expected) => {
    expect(vote(looks, 12_000, { standbys })).toBe(expected);
  });

  const at = (track: Track, address: string): Track =>
    observe(
      track,
      evidence({
        sequence: 9,
        startedAtMs: 12_000,
        outcome: answered({ startedAt: track.member.name, inRecovery: true, currentLsn: null }),
        answered: [{ family: 'IPv4', address, atMs: 12_000 }],
      }),
      detection,
    );

  test.each<readonly [string, string, WitnessVote]>([
    ['is the primary when it lists an address that only this standby has', '192.0.2.3', 'Lost'],
    ['is not when another member shares that address', '192.0.2.2', 'NoVote'],
  ])('%s', (_, addressOfOther, expected) => {
    const tracks = new Map([
      ['a', primaryTrack(11_000, [attached({ clientAddress: '192.0.2.2' })])],
      ['b', at(standbyTrack([{ atMs: 10_500, receiver: proxy }]), '192.0.2.2')],
      ['c', at(newTrack(memberSettings('c'), 2), addressOfOther)],
    ]);
    const context = { nowMs: 12_000, primary: 'a', primaryLsn: null, systemIdentifier: null };
    expect(viewMembers(tracks, settings(['a', 'b', 'c']), context)[1]?.witness).toBe(expected);
  });
});
