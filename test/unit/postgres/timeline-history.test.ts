import { expect, test } from 'vitest';
import { parseLsn } from '../../../src/api/lsn.ts';
import { parseTimelineHistory } from '../../../src/postgres/timeline-history.ts';

test('a history file gives each ancestor and where it ended', () => {
  const text = '1\t0/3000158\tno recovery target specified\n\n# comment\n2\t16/B374D848\tbefore 2026-01-01\n';
  expect(parseTimelineHistory(text)).toEqual([
    { timeline: 1, endLsn: parseLsn('0/3000158') },
    { timeline: 2, endLsn: parseLsn('16/B374D848') },
  ]);
});

test.each(['1 nothing\n', 'hello\n', '<html>'])('%j is no history', (text) => {
  expect(parseTimelineHistory(text)).toBeNull();
});
