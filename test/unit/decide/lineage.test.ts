import { describe, expect, it } from 'vitest';
import {
  isSentBy,
  lineageOf,
  rememberStreaming,
  STREAM_MEMORY_MS,
  type StreamMemory,
} from '../../../src/decide/lineage.ts';
import { baseline, lsn, memberSettings, primary, promoted, SYSTEM_IDENTIFIER, standby } from '../../support/views.ts';

const memory: StreamMemory = {
  primary: 'a',
  systemIdentifier: SYSTEM_IDENTIFIER,
  timeline: 1,
  startedAt: '1000',
  atMs: 0,
};
const unreadable = { history: null };

describe('the lineage of a member', () => {
  it('descends by its history, and says where it forked', () => {
    expect(lineageOf(promoted('b'), baseline(), null, 0)).toEqual({ kind: 'Descends', forkLsn: lsn(4900) });
  });

  it('descends over several promotions', () => {
    const twice = promoted(
      'b',
      {},
      {
        timeline: 3,
        history: [
          { timeline: 1, endLsn: lsn(10) },
          { timeline: 2, endLsn: lsn(20) },
        ],
      },
    );
    expect(lineageOf(twice, baseline(), null, 0)).toEqual({ kind: 'Descends', forkLsn: lsn(10) });
  });

  it('diverges when another promotion took the same timeline number', () => {
    const other = promoted(
      'b',
      {},
      {
        timeline: 3,
        history: [
          { timeline: 1, endLsn: lsn(10) },
          { timeline: 2, endLsn: lsn(20) },
        ],
      },
    );
    const lineage = lineageOf(other, baseline({ timeline: 2, forkLsn: lsn(11) }), null, 0);
    expect(lineage).toMatchObject({ kind: 'Diverged', why: expect.stringContaining('began at 0/A') });
  });

  it.each([
    ['another system identifier', promoted('b', {}, { systemIdentifier: '1' }), 'system identifier'],
    ['an older timeline', primary('b', {}, { timeline: 1 }), 'behind timeline 2'],
    ['a history without the baseline’s timeline', promoted('b', {}, { timeline: 3 }), 'does not contain timeline 2'],
    [
      'writing on the timeline of the primary',
      primary('b', {}, { timeline: 2 }),
      'a promotion would have begun a new one',
    ],
  ])('diverges with %s', (_, member, why) => {
    expect(lineageOf(member, baseline({ timeline: 2 }), null, 0)).toMatchObject({
      kind: 'Diverged',
      why: expect.stringContaining(why),
    });
  });

  it('descends on the same timeline as a standby, or as the primary itself', () => {
    expect(lineageOf(standby('b'), baseline(), null, 0).kind).toBe('Descends');
    expect(lineageOf(primary('a'), baseline(), null, 0).kind).toBe('Descends');
  });

  it('descends by memory of streaming when the history is unreadable', () => {
    expect(lineageOf(promoted('b', {}, unreadable), baseline(), memory, STREAM_MEMORY_MS).kind).toBe('Descends');
  });

  it.each([
    ['no memory and no right', null, { rights: { monitor: true, replication: false } }, 'lacks REPLICATION'],
    ['no memory before the history is read', null, {}, 'could not be read yet'],
    ['a memory of another primary', { ...memory, primary: 'c' }, {}, 'was not seen streaming from a'],
    ['a restart since', memory, { startedAt: '2000' }, 'restarted'],
    ['another cluster then', { ...memory, systemIdentifier: '5' }, {}, 'another cluster'],
  ])('is unproven with %s', (_, known, factsOver, why) => {
    expect(lineageOf(promoted('b', {}, { ...unreadable, ...factsOver }), baseline(), known, 0)).toMatchObject({
      kind: 'Unproven',
      why: expect.stringContaining(why),
    });
  });

  it('forgets what it saw more than an hour ago', () => {
    expect(lineageOf(promoted('b', {}, unreadable), baseline(), memory, STREAM_MEMORY_MS + 1)).toMatchObject({
      kind: 'Unproven',
      why: expect.stringContaining('an hour ago'),
    });
  });

  it('is unproven before an answer and without a baseline', () => {
    expect(lineageOf(primary('b', { facts: null }), baseline(), null, 0).kind).toBe('Unproven');
    expect(lineageOf(primary('b'), null, null, 0).kind).toBe('Unproven');
  });
});

describe('the memory of streaming', () => {
  const sender = { settings: memberSettings('a'), view: primary('a') };
  const receiver = {
    status: 'streaming',
    senderHost: 'a.db.example',
    senderPort: 5432,
    slotName: null,
    receivedTimeline: 1,
    latestEndLsn: lsn(5000),
    lastMessageAgeMs: 10,
  };

  it('remembers a standby that streams from the primary on its timeline', () => {
    expect(rememberStreaming(null, standby('b', { factsAtMs: 7 }, { receiver }), sender)).toEqual({
      ...memory,
      atMs: 7,
    });
  });

  it.each([
    ['from elsewhere', { receiver: { ...receiver, senderHost: 'elsewhere.example' } }],
    ['from another port', { receiver: { ...receiver, senderPort: 6432 } }],
    ['on another timeline', { receiver: { ...receiver, receivedTimeline: 2 } }],
    ['not at all', { receiver: null }],
    ['not yet', { receiver: { ...receiver, status: 'connecting' } }],
  ])('keeps what it had when the standby streams %s', (_, factsOver) => {
    expect(rememberStreaming(memory, standby('b', { factsAtMs: 99 }, factsOver), sender)).toBe(memory);
  });

  it('learns nothing while the primary does not answer', () => {
    const lost = { settings: memberSettings('a'), view: primary('a', { writable: false }) };
    expect(rememberStreaming(null, standby('b', { factsAtMs: 7 }, { receiver }), lost)).toBeNull();
  });

  it('knows a sender by its replication host and by the addresses that answered', () => {
    expect(isSentBy('192.0.2.1', 5432, sender)).toBe(true);
    const settings = memberSettings('a', { replication: { host: 'Repl.Example', port: 6000 } });
    expect(isSentBy('repl.example', 6000, { settings, view: sender.view })).toBe(true);
    expect(isSentBy(null, null, sender)).toBe(false);
  });
});
