/** What a person, a scraper and a load balancer see, and what nobody must see. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { bundleOperator } from '../../hack/bundle.ts';
import { groupAddress } from '../../hack/world/addresses.ts';
import { metricDefinitions } from '../../src/telemetry/metric-definitions.ts';
import { output } from '../support/kubectl.ts';
import { type Replica, startReplica } from '../support/operator-replica.ts';
import { eventsOf, eventually, statusOf, throughout, untilCondition, untilReady } from '../support/operator-views.ts';
import { MONITOR, MONITOR_SECRET, ordersOf, PATIENT } from '../support/operator-world.ts';
import { stagedGroup } from '../support/staged-group.ts';

const { group, stage } = stagedGroup('seen', ['frankfurt', 'virginia']);

describe('metrics', () => {
  test('hold every documented series, no address and no secret, and those of a resource go with it', async () => {
    await stage.apply(ordersOf(group));
    const operator = await stage.start();
    await untilReady(stage);
    const of = `namespace="${stage.namespace}",name="orders"`;
    // Ready does not wait for readers, and metrics are those of the last pass.
    const body = await eventually(async () => {
      const metrics = await operator.get('/metrics');
      expect(metrics.body).toContain(`dbfailover_member_in_read_set{${of},member="virginia"} 1`);
      return metrics.body;
    });
    for (const [name, { kind }] of Object.entries(metricDefinitions)) expect(body).toContain(`# TYPE ${name} ${kind}`);
    expect(body).toContain(`dbfailover_member_role{${of},member="frankfurt",role="Primary"} 1`);
    expect(body).toContain(`dbfailover_member_verdict{${of},member="virginia",verdict="Up"} 1`);
    expect(body).toContain(`dbfailover_route_epoch{${of}} 1`);
    expect(body).toMatch(new RegExp(`dbfailover_decision_rule\\{${of}\\} 343`));
    expect(body).toMatch(/dbfailover_probe_seconds_count\{[^}]*layer="sql"[^}]*\} [1-9]/);
    for (const { address, address6, host } of group.members) {
      for (const text of [address, address6, host]) expect(body).not.toContain(text);
    }
    expect(body).not.toContain(MONITOR.password);
    await stage.remove('DatabaseFailover', 'orders');
    await eventually(async () => {
      const left = (await operator.get('/metrics')).body;
      expect(left).not.toContain('name="orders"');
      expect(left).toContain('dbfailover_resources 0');
    });
  });
});

describe('health', () => {
  test('tells of one, of all, of the process and of what is not there', async () => {
    await stage.apply(ordersOf(group, PATIENT));
    const operator = await stage.start();
    await untilReady(stage);
    const json = async (path: string) => {
      const { code, body } = await operator.get(path);
      const parsed: unknown = JSON.parse(body);
      return { code, body: parsed };
    };
    expect(await operator.get('/healthz')).toMatchObject({ code: 200 });
    // Ready does not wait for every watch.
    await eventually(async () =>
      expect(await operator.get('/readyz')).toEqual({ code: 200, body: expect.stringContaining('ok') }),
    );
    const expectHealthy = async () =>
      expect(await json(`/health/${stage.namespace}/orders`)).toMatchObject({
        code: 200,
        body: {
          status: 'ok',
          db_primary: 'connected',
          db_replica: 'connected',
          primary: 'frankfurt',
          epoch: 1,
          up: '2/2',
        },
      });
    // The standby is read from once it is known to be close enough, which Ready does not wait for; the slices come first,
    // and while they are read again /health goes by the status.
    await eventually(async () => expect((await statusOf(stage)).members?.[1]?.readSet).toBe(true));
    await eventually(expectHealthy);
    // Also while the leader reads again what is published, as it does when its own first writes come back by the watch.
    await throughout(1_500, expectHealthy);
    expect(await json('/health')).toMatchObject({ code: 200, body: { status: 'ok', resources: 1, troubled: [] } });
    expect((await operator.get(`/health/${stage.namespace}/unknown`)).code).toBe(404);

    await group.member('virginia').stop();
    await eventually(async () =>
      expect(await json('/health')).toMatchObject({
        code: 200,
        body: { status: 'degraded', db_replica: 'disconnected', troubled: [{ name: 'orders' }] },
      }),
    );
    await group.member('frankfurt').stop();
    await eventually(async () =>
      expect(await json(`/health/${stage.namespace}/orders`)).toMatchObject({
        code: 503,
        body: { status: 'down', db_primary: 'disconnected', up: '0/2' },
      }),
    );
    expect((await operator.get('/healthz')).code).toBe(200);
    // /health knows it first: Ready may still be that of before.
    await untilCondition(stage, 'Ready', { status: 'False' });
    await Promise.all(group.members.map((member) => member.start()));
    await untilReady(stage);
    expect((await json('/health')).code).toBe(200);
  });
});

describe('kubectl', () => {
  test('describe tells the story in events, get and wait work as the README says', async () => {
    await stage.apply(ordersOf(group));
    await stage.start();
    const resource = ['-n', stage.namespace, 'dbf', 'orders'];
    await output('kubectl', ['wait', ...resource, '--for=condition=Ready', '--timeout=15s']);
    // Ready does not wait for standbys.
    await eventually(async () =>
      expect(await output('kubectl', ['get', ...resource])).toMatch(
        /NAME\s+READY\s+PRIMARY\s+UP\s+REASON\s+AGE\s+orders\s+True\s+frankfurt\s+2\/2\s+Ready/,
      ),
    );
    await eventually(async () => {
      const described = await output('kubectl', ['describe', ...resource]);
      expect(described).toMatch(/Normal\s+AdoptStarted .*the routes go to frankfurt at epoch 1/);
      expect(described).toMatch(/Normal\s+RouteChanged .*the read-write route went to frankfurt at epoch 1/);
    });
  });
});

describe('secrets (I13)', () => {
  const APPLICATION = { username: 'orders_app', password: 'Appl1cation-Passw0rd' };
  const MISTYPED = 'M1styped-Passw0rd';
  let replica: Replica;

  test('stand in no log, event, status, metric, ConfigMap or log of the server', async () => {
    await stage.secret(MONITOR_SECRET, { ...MONITOR, password: MISTYPED });
    await stage.secret('writer', APPLICATION);
    const configMaps = [{ name: 'orders-db', data: { URL: '{{readWrite.host}}' } }];
    const secrets = [{ name: 'orders-dsn', readWriteCredentialsRef: { name: 'writer' } }];
    await stage.apply(ordersOf(group, { 'spec.routes.configMaps': configMaps, 'spec.routes.secrets': secrets }));
    replica = await startReplica(stage, 'alone', groupAddress(group.number, 201), ['--log-level', 'debug']);
    try {
      await untilCondition(stage, 'Degraded', { status: 'True', reason: 'CredentialsInvalid' });
      await stage.secret(MONITOR_SECRET, MONITOR);
      await untilReady(stage);
      // Once more with something to complain of: a template that asks for a password where none may be.
      await stage.patch(ordersOf(group), {
        spec: { routes: { configMaps: [{ name: 'orders-db', data: { URL: '{{readWrite.password}}' } }] } },
      });
      await untilCondition(stage, 'RoutesSynced', { status: 'False', reason: 'TemplateError' });
      const seen = {
        log: await replica.log(),
        events: JSON.stringify(await eventsOf(stage)),
        resource: JSON.stringify(await stage.read('DatabaseFailover', 'orders')),
        metrics: (await replica.get('/metrics')).body,
        health: (await replica.get(`/health/${stage.namespace}/orders`)).body,
        configMap: JSON.stringify(await stage.read('ConfigMap', 'orders-db')),
        server: await readFile(group.member('frankfurt').logFile, 'utf8'),
      };
      for (const [where, text] of Object.entries(seen)) {
        expect(text.length, where).toBeGreaterThan(2);
        for (const password of [MONITOR.password, MISTYPED, APPLICATION.password]) {
          const forms = [password, Buffer.from(password).toString('base64'), encodeURIComponent(password)];
          // The server's log holds what the test itself said when it made the role, and nothing by the operator.
          const lines = text.split('\n').filter((line) => !line.includes('CREATE ROLE'));
          for (const form of forms) expect(lines.join('\n').includes(form), `${where}: ${form}`).toBe(false);
        }
      }
    } finally {
      await replica.stop();
    }
  });
});

describe('at rest', () => {
  const MINUTE_MS = 65_000;
  /** What one resource at rest may take. */
  const MEMORY_BYTES = 150e6;
  const PAGE_KIB = 4;
  /** USER_HZ of Linux. */
  const TICKS_PER_SECOND = 100;

  async function usageOf(pid: number) {
    const stat = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
    const [, rssPages = '0'] = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ');
    const ticks = Number(stat[11]) + Number(stat[12]);
    return { cpuMs: (ticks * 1000) / TICKS_PER_SECOND, rssMiB: (Number(rssPages) * PAGE_KIB) / 1024 };
  }

  test('a minute takes little memory and CPU, no write but the lease, and one of the status at most', async () => {
    // Detection at its defaults.
    await stage.apply(ordersOf(group, { 'spec.detection': undefined }));
    // Built, as it ships: reading TypeScript costs memory of its own.
    await bundleOperator();
    const replica = await startReplica(stage, 'resting', groupAddress(group.number, 202), [], 'dist/main.js');
    try {
      await untilReady(stage);
      await eventually(async () => expect((await statusOf(stage)).members?.[1]?.readSet).toBe(true));
      const writes = async (method: string): Promise<number> => {
        const { body } = await replica.get('/metrics');
        const series = body.matchAll(
          new RegExp(`^dbfailover_kube_requests_total\\{method="${method}".*\\} (\\d+)$`, 'gm'),
        );
        return [...series].reduce((sum, [, count]) => sum + Number(count), 0);
      };
      const count = async () => ({
        patch: await writes('PATCH'),
        post: await writes('POST'),
        delete: await writes('DELETE'),
        ...(await usageOf(replica.pid)),
      });
      await stillWrites(count);
      const before = await count();
      const startedAtMs = performance.now();
      await eventually(() => expect(performance.now() - startedAtMs).toBeGreaterThan(MINUTE_MS), MINUTE_MS + 5_000);
      const after = await count();
      const cpu = (after.cpuMs - before.cpuMs) / (performance.now() - startedAtMs);
      process.stdout.write(
        `one resource at rest: ${after.rssMiB.toFixed(0)} MiB, ${(cpu * 100).toFixed(1)} % of a core, ` +
          `${after.patch - before.patch} status writes in ${MINUTE_MS / 1000} s\n`,
      );
      expect(after.patch - before.patch).toBeLessThanOrEqual(2);
      expect({ post: after.post, delete: after.delete }).toEqual({ post: before.post, delete: before.delete });
      expect(after.rssMiB * 2 ** 20).toBeLessThan(MEMORY_BYTES);
      expect(cpu).toBeLessThan(0.1);
    } finally {
      await replica.stop();
    }
  }, 120_000);

  /** Until the first seconds with their events are over. */
  async function stillWrites(count: () => Promise<{ readonly patch: number; readonly post: number }>): Promise<void> {
    let known = await count();
    let sinceMs = performance.now();
    await eventually(async () => {
      const now = await count();
      if (now.patch !== known.patch || now.post !== known.post) sinceMs = performance.now();
      known = now;
      expect(performance.now() - sinceMs).toBeGreaterThan(3_000);
    }, 30_000);
  }
});
