import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { readWorld } from '../../hack/world/world-description.ts';
import { RESOURCES } from '../../src/api/resources.ts';
import { connect, type TestApi } from '../support/api.ts';
import { freshNamespace } from '../support/crds.ts';
import { realKubeClient } from '../support/kube-clients.ts';

const { kubeconfig } = readWorld();
const WAIT = { timeout: 20_000, interval: 20 };
const lineSchema = z.object({ leading: z.boolean(), lastLoss: z.string().nullable() });

interface Candidate {
  readonly process: ChildProcess;
  readonly changes: z.infer<typeof lineSchema>[];
}

const { client } = realKubeClient(kubeconfig);
let api: TestApi;
let namespace: string;
let running: Candidate[];

beforeAll(async () => {
  api = await connect();
});

beforeEach(async () => {
  running = [];
  namespace = await freshNamespace(api, 'kube-lease');
});

afterEach(() => {
  for (const candidate of running) candidate.process.kill('SIGKILL');
});

afterAll(async () => {
  await client.close(0);
  await api.close();
});

function candidate(identity: string): Candidate {
  const script = new URL('../support/lease-candidate.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, kubeconfig, namespace, identity], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const changes: Candidate['changes'] = [];
  createInterface({ input: child.stdout }).on('line', (line) => changes.push(lineSchema.parse(JSON.parse(line))));
  const started = { process: child, changes };
  running.push(started);
  return started;
}

const leads = ({ changes }: Candidate): boolean => changes.at(-1)?.leading ?? false;
const eventually = (claim: () => boolean): Promise<void> => vi.waitFor(() => expect(claim()).toBe(true), WAIT);
const stored = () =>
  client.get(RESOURCES.lease, { namespace, name: 'election' }, { signal: new AbortController().signal });

test('a process that was frozen is succeeded, and says that it lost before it does anything else', async () => {
  const first = candidate('first');
  await eventually(() => leads(first));
  const second = candidate('second');
  await eventually(() => second.changes.length === 1);
  first.process.kill('SIGSTOP');
  await eventually(() => leads(second));
  first.process.kill('SIGCONT');
  await eventually(() => !leads(first));
  expect(['Stalled', 'Expired']).toContain(first.changes.at(-1)?.lastLoss);
  expect(leads(second)).toBe(true);
  expect(await stored()).toMatchObject({
    spec: { holderIdentity: 'second', leaseTransitions: 1, leaseDurationSeconds: 3 },
  });
});

test('a process that ends in order frees the Lease for the other at once', async () => {
  const first = candidate('first');
  await eventually(() => leads(first));
  const second = candidate('second');
  await eventually(() => second.changes.length === 1);
  first.process.kill('SIGTERM');
  const ended = await new Promise((resolve) => first.process.once('exit', resolve));
  const freedAt = performance.now();
  expect(ended).toBe(0);
  await eventually(() => leads(second));
  // The next look comes within 1.2 retry periods; a killed one would be waited for: 3 s.
  expect(performance.now() - freedAt).toBeLessThan(1_500);
});

test('a Lease keeps the labels that somebody else gave it', async () => {
  const first = candidate('first');
  await eventually(() => leads(first));
  const renewed = async (): Promise<unknown> => (await stored())?.metadata.resourceVersion;
  await client.mergePatch(
    RESOURCES.lease,
    { namespace, name: 'election' },
    { metadata: { labels: { team: 'db' } } },
    { signal: new AbortController().signal },
  );
  const before = await renewed();
  await vi.waitFor(async () => expect(await renewed()).not.toBe(before), WAIT);
  expect(await stored()).toMatchObject({ metadata: { labels: { team: 'db' } } });
  expect(first.changes.map(({ leading }) => leading)).toEqual([false, true]);
});
