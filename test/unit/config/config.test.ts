import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type CommandLine,
  type Config,
  readCommandLine,
  type Surroundings,
  systemSurroundings,
} from '../../../src/config.ts';
import { DEFAULT_DENIED_CIDRS, flagsProgram } from '../../../src/flags.ts';

const repository = new URL('../../../', import.meta.url);
const pod: Surroundings = {
  podNamespace: 'operators',
  serviceAccountNamespace: () => 'from-service-account',
  contextNamespace: () => 'from-context',
  hostname: 'operator-0',
  uniqueId: () => 'u-1',
};

beforeEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('DBFO_')) vi.stubEnv(name, undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

function configOf(line: CommandLine): Config {
  if (line.kind !== 'Run') throw new Error(`left with: ${line.text}`);
  return line.config;
}
const config = (args: string[] = [], over: Partial<Surroundings> = {}) =>
  configOf(readCommandLine(args, { ...pod, ...over }));

function refusal(args: string[], over: Partial<Surroundings> = {}): string {
  const line = readCommandLine(args, { ...pod, ...over });
  if (line.kind !== 'Leave') throw new Error('accepted');
  expect(line.exitCode).toBe(2);
  return line.text;
}

test('without any flag the defaults hold', () => {
  const version: unknown = JSON.parse(readFileSync(new URL('package.json', repository), 'utf8')).version;
  expect(config()).toEqual({
    version,
    namespaces: ['operators'],
    kubeconfig: null,
    lease: {
      name: 'database-failover-operator',
      namespace: 'operators',
      identity: 'operator-0_u-1',
      times: { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 },
    },
    listen: { host: '0.0.0.0', port: 8080 },
    logLevel: 'info',
    region: null,
    clusterDomain: 'cluster.local',
    dnsServers: [],
    deniedCidrs: DEFAULT_DENIED_CIDRS,
    resyncMs: 300_000,
  });
});

test('the configuration cannot be changed, at any depth', () => {
  const frozen: unknown[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    frozen.push(Object.isFrozen(value));
    for (const field of Object.values(value)) visit(field);
  };
  visit(config());
  expect(frozen.length).toBeGreaterThan(4);
  expect(new Set(frozen)).toEqual(new Set([true]));
});

describe('each flag', () => {
  test.each<[string, string, (config: Config) => unknown, unknown]>([
    ['--namespaces', 'shop, billing,shop', (c) => c.namespaces, ['shop', 'billing']],
    ['--namespaces', '*', (c) => c.namespaces, null],
    ['--kubeconfig', '/tmp/kubeconfig', (c) => c.kubeconfig, '/tmp/kubeconfig'],
    ['--resync', '1m30s', (c) => c.resyncMs, 90_000],
    ['--lease-name', 'mine', (c) => c.lease.name, 'mine'],
    ['--lease-namespace', 'leases', (c) => c.lease.namespace, 'leases'],
    ['--lease-duration', '30s', (c) => c.lease.times.leaseDurationMs, 30_000],
    ['--renew-deadline', '8s', (c) => c.lease.times.renewDeadlineMs, 8_000],
    ['--retry-period', '500ms', (c) => c.lease.times.retryPeriodMs, 500],
    ['--identity', 'me', (c) => c.lease.identity, 'me'],
    ['--cluster-domain', 'k8s.example', (c) => c.clusterDomain, 'k8s.example'],
    [
      '--dns-servers',
      '10.0.0.2,[fd00::2]:5353,fd00::3',
      (c) => c.dnsServers,
      ['10.0.0.2', '[fd00::2]:5353', 'fd00::3'],
    ],
    ['--denied-cidrs', '10.0.0.0/8', (c) => c.deniedCidrs, ['10.0.0.0/8']],
    ['--denied-cidrs', 'default,10.96.0.0/12', (c) => c.deniedCidrs, [...DEFAULT_DENIED_CIDRS, '10.96.0.0/12']],
    ['--region', 'eu-central-1', (c) => c.region, 'eu-central-1'],
    ['--listen', '127.0.0.1:9090', (c) => c.listen, { host: '127.0.0.1', port: 9090 }],
    ['--listen', '[::]:8080', (c) => c.listen, { host: '::', port: 8080 }],
    ['--log-level', 'debug', (c) => c.logLevel, 'debug'],
  ])('%s %s', (flag, value, read, expected) => {
    expect(read(config([flag, value]))).toEqual(expected);
    vi.stubEnv(`DBFO_${flag.slice(2).replaceAll('-', '_').toUpperCase()}`, value);
    expect(read(config())).toEqual(expected);
  });

  test('wins over its environment variable', () => {
    vi.stubEnv('DBFO_REGION', 'from-environment');
    expect(config(['--region', 'from-flag']).region).toBe('from-flag');
    expect(config().region).toBe('from-environment');
  });

  test('an empty environment variable means the default, for every one of them', () => {
    const defaults = config();
    for (const name of variables()) vi.stubEnv(name, '');
    expect(config()).toEqual(defaults);
  });
});

describe('the own namespace', () => {
  const outside = { podNamespace: null, serviceAccountNamespace: () => null };
  const kubeconfigWith = (field: string) => `apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: "https://192.0.2.1:6443"}}]
users: [{name: u, user: {}}]
contexts: [{name: here, context: {cluster: c, ${field}}}]
`;
  const own = (over: Partial<Surroundings>) => config([], over).namespaces;
  test('comes from POD_NAMESPACE, the service account, the context, in this order', () => {
    expect(own({})).toEqual(['operators']);
    expect(own({ podNamespace: '' })).toEqual(['from-service-account']);
    expect(own(outside)).toEqual(['from-context']);
  });

  test('asks the kubeconfig that was given', () => {
    const asked: unknown[] = [];
    const contextNamespace = (path: string | null) => {
      asked.push(path);
      return 'x';
    };
    config(['--kubeconfig', '/tmp/k'], { ...outside, contextNamespace });
    expect(asked).toEqual(['/tmp/k']);
  });

  test.each([
    ['the context of a kubeconfig', 'namespace: shop', 'shop'],
    ['default where the context names none, as kubectl does', 'user: u', 'default'],
  ])('outside a pod is %s', (_, field, expected) => {
    const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    const path = join(folder, 'config');
    try {
      writeFileSync(path, kubeconfigWith(field));
      expect(config(['--kubeconfig', path], { ...systemSurroundings, ...outside }).namespaces).toEqual([expected]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('is not known from a kubeconfig that cannot be read', () => {
    expect(systemSurroundings.contextNamespace('/nonexistent/kubeconfig')).toBeNull();
  });

  test('is asked for by flag when nothing tells it', () => {
    const nowhere = { ...outside, contextNamespace: () => null };
    expect(refusal([], nowhere)).toContain('--namespaces is needed');
    expect(refusal(['--namespaces', '*'], nowhere)).toContain('--lease-namespace is needed');
    expect(config(['--namespaces', '*', '--lease-namespace', 'x'], nowhere).namespaces).toBeNull();
  });
});

describe('what is refused names the flag and the remedy', () => {
  test.each([
    [['--namespaces', 'Shop'], '--namespaces', 'shop,billing'],
    [['--listen', 'localhost'], '--listen', '0.0.0.0:8080'],
    [['--listen', '0.0.0.0:70000'], '--listen', '0.0.0.0:8080'],
    [['--log-level', 'loud'], '--log-level', 'debug, info, warn, error'],
    [['--resync', '1 day'], '--resync', '1m30s'],
    [['--resync', '1s'], '--resync', 'from 10s'],
    [['--denied-cidrs', '10/8'], '--denied-cidrs', '10.96.0.0/12'],
    [['--denied-cidrs', 'default,1.2.3.4'], '--denied-cidrs', '"1.2.3.4"'],
    [['--dns-servers', 'dns.example'], '--dns-servers', '10.0.0.2'],
    [['--cluster-domain', 'No_Domain'], '--cluster-domain', 'cluster.local'],
    [['--lease-duration', '10s'], '--lease-duration', 'longer than --renew-deadline'],
    [['--renew-deadline', '4s'], '--renew-deadline', 'longer than --retry-period by more than 2.5s'],
    [['--retry-period', '9s'], '--renew-deadline', '1.2 x --retry-period'],
    [['--regoin', 'x'], "unknown option '--regoin'", '--region'],
    [['extra'], 'too many arguments', 'extra'],
  ])('%j', (args, flag, remedy) => {
    const text = refusal(args);
    expect(text).toContain(flag);
    expect(text).toContain(remedy);
  });

  test('also when it came by the environment', () => {
    vi.stubEnv('DBFO_LISTEN', 'nowhere');
    expect(refusal([])).toMatch(/--listen .* from env 'DBFO_LISTEN' is invalid/);
  });
});

test('--help lists every flag with its variable, in groups, and leaves with 0', () => {
  const line = readCommandLine(['--help'], pod);
  if (line.kind !== 'Leave') throw new Error('ran');
  expect(line.exitCode).toBe(0);
  for (const name of variables()) expect(line.text.replaceAll(/\s+/g, ' ')).toContain(`env: ${name}`);
  for (const heading of ['Kubernetes:', 'Leader election:', 'Network:', 'Process:'])
    expect(line.text).toContain(heading);
  for (const row of line.text.split('\n')) expect(row.length).toBeLessThanOrEqual(120);
});

test('--version prints the version of the package and leaves with 0', () => {
  expect(readCommandLine(['--version'], pod)).toEqual({ kind: 'Leave', exitCode: 0, text: `${config().version}\n` });
});

test('.env.example names every variable once, and its values are the defaults', () => {
  const lines = readFileSync(new URL('.env.example', repository), 'utf8').split('\n');
  const set = lines.flatMap((line) => /^([A-Z_]+)=(.*)$/.exec(line)?.slice(1, 3) ?? []);
  const names = set.filter((_, index) => index % 2 === 0);
  expect(names.sort()).toEqual([...variables(), 'POD_NAMESPACE'].sort());
  const defaults = config();
  for (const line of lines) {
    const [, name = '', value = ''] = /^(DBFO_[A-Z_]+)=(.*)$/.exec(line) ?? [];
    if (name !== '') vi.stubEnv(name, value);
  }
  expect(config()).toEqual(defaults);
});

function variables(): string[] {
  return flagsProgram('0').options.flatMap((option) => option.envVar ?? []);
}
