import { expect, test } from 'vitest';
import { DEFAULT_OPTIONS, parseCommandLine } from '../../../hack/world/options.ts';

test.each([
  ['a command alone', ['bash'], {}, ['bash']],
  ['a command after --', ['--', 'bash', '-c', 'x'], {}, ['bash', '-c', 'x']],
  [
    'a command with options of its own',
    ['--members', '2', 'psql', '--members', '9'],
    { members: 2 },
    ['psql', '--members', '9'],
  ],
  ['a command with a -- of its own', ['x', '--', 'y'], {}, ['x', '--', 'y']],
  [
    'every option',
    ['--members=0', '--postgres', '15', '--sync', '--no-proxy', '--min-sync-period', '1s', '--quiet', '--', 'x'],
    { members: 0, postgres: 15, sync: true, proxy: false, minSyncPeriod: '1s', quiet: true },
    ['x'],
  ],
])('reads %s', (_, args, options, command) => {
  expect(parseCommandLine(args)).toEqual({ kind: 'Run', options: { ...DEFAULT_OPTIONS, ...options }, command });
});

test.each([
  ['no command', [], 'COMMAND is missing'],
  ['no command after --', ['--members', '1', '--'], 'COMMAND is missing'],
  ['an unknown option', ['--meters', '1', 'x'], '--meters'],
  ['too many members', ['--members', '99', 'x'], '--members must be a whole number from 0 to 16'],
  ['members in part', ['--members', '1.5', 'x'], '--members must be a whole number from 0 to 16'],
  ['members without a number', ['--members=', 'x'], '--members must be a whole number from 0 to 16'],
  ['members that are no number', ['--members', 'three', 'x'], '--members must be a whole number from 0 to 16'],
  ['an unknown version', ['--postgres', '14', 'x'], '--postgres must be 15 or 18'],
  ['both kinds of replication', ['--sync', '--async', 'x'], 'exclude each other'],
  ['an unknown period', ['--min-sync-period', '2s', 'x'], '--min-sync-period must be 0s or 1s'],
])('refuses %s', (_, args, message) => {
  expect(parseCommandLine(args)).toEqual({ kind: 'Wrong', message: expect.stringContaining(message) });
});

test.each([[['--help']], [['-h', 'x']]])('shows its usage for %j', (args) => {
  expect(parseCommandLine(args)).toEqual({ kind: 'Help' });
});
