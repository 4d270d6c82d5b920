import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { descendants, isAlive, signalProcess } from '../../hack/world/process-tree.ts';
import { mounts, processesIn, type StartedWorld, startWorldFor } from '../support/started-world.ts';

const GONE = { timeout: 20_000, interval: 50 };

async function expectNothingLeft(world: StartedWorld): Promise<void> {
  await vi.waitFor(() => expect(processesIn(world.namespaces)).toEqual([]), GONE);
}

function kill(world: StartedWorld, signal: NodeJS.Signals): void {
  signalProcess(world.launcher.pid ?? 0, signal);
}

describe('a world ends whole', () => {
  test.each([
    ['with the exit code of its command', 'exit 7', 'exit code 7'],
    ['when its command is killed', 'kill -KILL $$', 'exit code 137'],
    ['although its command left processes behind', 'setsid sleep 300 & exit 0', 'exit code 0'],
  ])('%s', async (_, script, how) => {
    const before = mounts();
    // It goes on when it has been looked at.
    const world = await startWorldFor(`read _; ${script}`, 'node');
    expect(processesIn(world.namespaces).length).toBeGreaterThan(3);
    world.launcher.stdin?.write('\n');
    expect(await world.ended).toBe(how);
    await expectNothingLeft(world);
    expect(mounts()).toEqual(before);
  });

  test.each([
    ['SIGINT', 'exit code 130'],
    ['SIGTERM', 'exit code 143'],
  ] as const)('at %s to the launcher, after its command got the signal', async (signal, how) => {
    const world = await startWorldFor('exec sleep 300', 'node');
    kill(world, signal);
    expect(await world.ended).toBe(how);
    await expectNothingLeft(world);
  });

  test('at SIGKILL of the launcher', async () => {
    const before = mounts();
    const world = await startWorldFor('sleep 300', 'node', ['--members', '2']);
    expect(processesIn(world.namespaces).join()).toContain('postgres');
    kill(world, 'SIGKILL');
    expect(await world.ended).toBe('signal SIGKILL');
    await expectNothingLeft(world);
    expect(mounts()).toEqual(before);
  });

  test.each([
    ['SIGINT', 'exit code 130'],
    ['SIGTERM', 'exit code 143'],
  ] as const)('at %s to npm alone, though its command waits for another one', async (signal, how) => {
    const before = mounts();
    const world = await startWorldFor('sleep 300; echo waited', 'npm', ['--members', '1']);
    expect(processesIn(world.namespaces).join()).toContain('postgres');
    const below = descendants(world.launcher.pid ?? 0);
    kill(world, signal);
    expect(await world.ended).toBe(how);
    await expectNothingLeft(world);
    // The launcher is in no namespace of the world, and npm may end before it.
    await vi.waitFor(() => expect(below.filter(isAlive)).toEqual([]), GONE);
    expect(mounts()).toEqual(before);
  });

  test('at SIGKILL of npm, which tells nobody', async () => {
    const world = await startWorldFor('sleep 300', 'npm');
    kill(world, 'SIGKILL');
    expect(await world.ended).toBe('signal SIGKILL');
    await expectNothingLeft(world);
  });

  test('and leaves no shared memory behind', async () => {
    const world = await startWorldFor('sleep 300', 'node', ['--members', '1', '--postgres', '15']);
    const [pid = ''] = processesIn(world.namespaces).filter((process) => process.endsWith(' postgres'));
    const segments = readdirSync(join('/proc', pid.split(' ')[0] ?? '', 'root', 'dev', 'shm'));
    expect(segments.join()).toContain('PostgreSQL.');
    kill(world, 'SIGKILL');
    await expectNothingLeft(world);
    // Servers of other tests have segments of their own here.
    expect(readdirSync('/dev/shm').filter((segment) => segments.includes(segment))).toEqual([]);
  });
});
