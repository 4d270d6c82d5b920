import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, expect, test, vi } from 'vitest';
import { worldControl } from '../../hack/world/world-control.ts';
import { readWorld } from '../../hack/world/world-description.ts';

const run = promisify(execFile);
const control = worldControl(readWorld());

afterAll(async () => {
  await control.thawApiServer();
  await control.startApiServer();
});

test('the API server can be stopped, started, frozen and thawed', async () => {
  const ready = async (): Promise<string> =>
    (await run('kubectl', ['get', '--raw=/readyz', '--request-timeout=1s'], { timeout: 20_000 })).stdout;
  await control.stopApiServer();
  await expect(ready()).rejects.toThrow(/refused/);
  await control.startApiServer();
  expect(await ready()).toBe('ok');
  await control.freezeApiServer();
  await expect(ready()).rejects.toThrow(/timeout|deadline|Timeout/);
  await control.thawApiServer();
  await vi.waitFor(async () => expect(await ready()).toBe('ok'), 10_000);
});

test("kube-proxy's minimal period between two syncs can be changed", async () => {
  const flag = async (): Promise<string> => (await run('pgrep', ['-af', '^[^ ]*kube-proxy '])).stdout;
  await control.setMinSyncPeriod('1s');
  expect(await flag()).toContain('--iptables-min-sync-period=1s');
  await control.setMinSyncPeriod('0s');
  expect(await flag()).toContain('--iptables-min-sync-period=0s');
});
