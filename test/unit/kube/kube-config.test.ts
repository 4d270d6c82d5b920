import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { backoffMs } from '../../../src/kube/backoff.ts';
import { kindOfError, loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { microTime } from '../../../src/kube/micro-time.ts';
import { guardStalls } from '../../../src/kube/stall-guard.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kube-config-'));
  vi.stubEnv('HOME', folder);
  vi.stubEnv('KUBECONFIG', '');
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '');
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});

function write(text: string): string {
  const path = join(folder, 'kubeconfig');
  writeFileSync(path, text);
  return path;
}

const GOOD = `
clusters: [{name: c, cluster: {server: "https://10.0.0.1:6443"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`;

test('a kubeconfig is read from the path given, else from where kubectl looks', () => {
  const path = write(GOOD);
  expect(loadKubeConfig(path).getCurrentCluster()?.server).toBe('https://10.0.0.1:6443');
  vi.stubEnv('KUBECONFIG', path);
  expect(loadKubeConfig(null).getCurrentCluster()?.server).toBe('https://10.0.0.1:6443');
});

test.each([
  ['is missing', '/nowhere/kubeconfig', 'the kubeconfig cannot be read: ENOENT'],
  ['names no current cluster', null, 'no kubeconfig names a cluster and no service account is mounted'],
])('a kubeconfig that %s is refused', (_, path, message) => {
  expect(() => loadKubeConfig(path)).toThrow(message);
});

test('a kubeconfig that is no YAML is refused without quoting it', () => {
  const path = write('users: [{name: u, user: {token: "do-not-print-me\n  : ][');
  expect(() => loadKubeConfig(path)).toThrow(/^the kubeconfig cannot be read: \w+$/);
});

test('an error is named by its code, through causes and aggregates, else by its class', () => {
  const refused = Object.assign(new Error('connect 10.0.0.1'), { code: 'ECONNREFUSED' });
  expect(kindOfError(new AggregateError([refused]))).toBe('ECONNREFUSED');
  expect(kindOfError(new TypeError('fetch failed', { cause: refused }))).toBe('ECONNREFUSED');
  expect(kindOfError(new TypeError('secret'))).toBe('TypeError');
  expect(kindOfError('secret')).toBe('unknown error');
});

test('a pause grows from 0.2 to 30 seconds, its upper half by chance', () => {
  expect([0, 1, 2, 3, 8, 9, 1_000].map((failures) => backoffMs(failures, () => 0))).toEqual([
    0, 100, 200, 400, 12_800, 15_000, 15_000,
  ]);
  expect(backoffMs(1_000, () => 0.999_999)).toBeLessThanOrEqual(30_000);
});

test('a MicroTime has six digits', () => {
  expect(microTime(Date.parse('2026-03-01T12:00:00.973Z'))).toBe('2026-03-01T12:00:00.973000Z');
});

test('a stall is noticed by a late timer or a wall clock that ran ahead, and a slow timer is none', async () => {
  const clock = new FakeClock();
  const stalls: number[] = [];
  const stop = guardStalls(clock, { everyMs: 1_000, toleranceMs: 5_000 }, (lateMs) => stalls.push(lateMs));
  await clock.advance(10_000);
  clock.stall(5_500);
  await clock.advance(0);
  expect(stalls).toEqual([]);
  clock.stall(7_000);
  await clock.advance(0);
  clock.jumpWall(60_000);
  await clock.advance(1_000);
  clock.jumpWall(-60_000);
  await clock.advance(1_000);
  expect(stalls).toEqual([6_000, 60_000]);
  stop();
  expect(clock.pending).toBe(0);
});
