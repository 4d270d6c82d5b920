/** The flags: names, environment variables, what each accepts. `--help` is made from here. */
import { isIP } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import ipaddr from 'ipaddr.js';
import { parseDuration } from './api/duration.ts';
import { DNS_LABEL, DNS_NAME } from './api/fields.ts';
import { type LogLevel, logLevels } from './telemetry/log.ts';

/** As parsed; empty: not given. Durations in ms. */
export interface Flags {
  readonly namespaces: readonly string[];
  readonly kubeconfig: string;
  readonly resync: number;
  readonly leaseName: string;
  readonly leaseNamespace: string;
  readonly leaseDuration: number;
  readonly renewDeadline: number;
  readonly retryPeriod: number;
  readonly identity: string;
  readonly clusterDomain: string;
  readonly dnsServers: readonly string[];
  readonly deniedCidrs: readonly string[];
  readonly region: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly logLevel: LogLevel;
}

/**
 * Where a resource must not lead the operator: itself and its node (loopback, unspecified, link-local with the clouds'
 * metadata service 169.254.169.254), the metadata services that live elsewhere (AWS over IPv6, Alibaba, Azure's
 * wire server), and multicast.
 */
export const DEFAULT_DENIED_CIDRS: readonly string[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '224.0.0.0/4',
  '::/128',
  '::1/128',
  'fe80::/10',
  'fd00:ec2::254/128',
  'ff00::/8',
];

/** An empty environment variable means the default: charts and compose files set what nobody filled in. */
const orDefault =
  <T>(parse: (text: string) => T) =>
  (text: string, previous: T): T =>
    text.trim() === '' ? previous : parse(text.trim());

interface FlagSpec<T> {
  readonly flag: string;
  readonly description: string;
  readonly default: T;
  /** How the default reads in `--help`. */
  readonly shown: string;
  readonly parse: (text: string) => T;
}

function flag<T>(spec: FlagSpec<T>): Option {
  const option = new Option(spec.flag, spec.description).argParser(orDefault(spec.parse));
  option.env(`DBFO_${option.name().replaceAll('-', '_').toUpperCase()}`);
  return option.default(spec.default, spec.shown);
}

export function flagsProgram(version: string): Command {
  const program = new Command('database-failover-operator')
    .description(
      'Keeps Services, ConfigMaps and Secrets pointing at the writable member of a PostgreSQL group\n' +
        'that the cluster does not run, as DatabaseFailover resources describe it.',
    )
    .helpOption('-h, --help', 'show this text')
    .version(version, '-V, --version', 'show the version')
    .allowExcessArguments(false)
    .configureHelp({ helpWidth: 100 })
    .addHelpText(
      'after',
      '\nEach flag can be given as the environment variable named beside it; the flag wins. Durations: 500ms, 2s, 1m30s.',
    )
    .exitOverride();
  for (const [heading, options] of groups()) {
    for (const option of options) program.addOption(option.helpGroup(heading));
  }
  return program;
}

const groups = (): [string, Option[]][] => [
  ['Kubernetes:', kubernetesFlags()],
  ['Leader election:', leaseFlags()],
  ['Network:', networkFlags()],
  ['Process:', processFlags()],
];

function kubernetesFlags(): Option[] {
  return [
    flag<readonly string[]>({
      flag: '--namespaces <list>',
      description: 'namespaces to work in, separated by commas; * for all',
      default: [],
      shown: 'its own',
      parse: listOf((name) => name === '*' || matches(DNS_LABEL)(name), 'namespaces such as shop,billing, or *'),
    }),
    flag({
      flag: '--kubeconfig <path>',
      description: 'kubeconfig file',
      default: '',
      shown: 'KUBECONFIG, ~/.kube/config, or the service account of the Pod',
      parse: (text) => text,
    }),
    flag({
      flag: '--resync <duration>',
      description: 'how often everything published is read again although nothing changed',
      default: 300_000,
      shown: '5m',
      parse: durationOf(10_000, 86_400_000),
    }),
  ];
}

function leaseFlags(): Option[] {
  const name = matches(DNS_NAME);
  return [
    flag({
      flag: '--lease-name <name>',
      description: 'Lease that the replicas of one installation share',
      default: 'database-failover-operator',
      shown: 'database-failover-operator',
      parse: only(name, 'a name such as database-failover-operator'),
    }),
    flag({
      flag: '--lease-namespace <name>',
      description: 'namespace of the Lease',
      default: '',
      shown: 'its own',
      parse: only(matches(DNS_LABEL), 'the name of a namespace'),
    }),
    flag({
      flag: '--lease-duration <duration>',
      description: 'how long the others wait before they take over',
      default: 15_000,
      shown: '15s',
      parse: durationOf(1_000, 600_000),
    }),
    flag({
      flag: '--renew-deadline <duration>',
      description: 'how long the holder goes on without a renewal',
      default: 10_000,
      shown: '10s',
      parse: durationOf(500, 600_000),
    }),
    flag({
      flag: '--retry-period <duration>',
      description: 'time between two tries to take or renew',
      default: 2_000,
      shown: '2s',
      parse: durationOf(100, 600_000),
    }),
    flag({
      flag: '--identity <text>',
      description: 'name of this replica in the Lease',
      default: '',
      shown: 'host name and a random part',
      parse: only((text) => text.length <= 253, 'at most 253 characters'),
    }),
  ];
}

function networkFlags(): Option[] {
  return [
    flag({
      flag: '--cluster-domain <domain>',
      description: 'DNS domain of the cluster, for the host names of Services',
      default: 'cluster.local',
      shown: 'cluster.local',
      parse: only(matches(DNS_NAME), 'a domain such as cluster.local'),
    }),
    flag<readonly string[]>({
      flag: '--dns-servers <list>',
      description: 'DNS servers for the names of members, address or address:port, separated by commas',
      default: [],
      shown: "the system's",
      parse: listOf((text) => addressAndPort(text, 53) !== null, 'addresses such as 10.0.0.2 or [fd00::2]:53'),
    }),
    flag({
      flag: '--denied-cidrs <list>',
      description:
        'address ranges that no member, route or webhook may lead to, separated by commas; the word "default" stands for ' +
        'loopback, link-local, metadata services and multicast, and a list without it leaves these open; add the Pod and ' +
        'Service ranges of your cluster: default,10.0.0.0/8',
      default: DEFAULT_DENIED_CIDRS,
      shown: 'default',
      parse: deniedCidrs,
    }),
    flag({
      flag: '--region <name>',
      description: 'region of this operator, for readOnly.prefer: SameRegion',
      default: '',
      shown: 'none',
      parse: only((text) => text.length <= 63, 'at most 63 characters'),
    }),
  ];
}

function processFlags(): Option[] {
  return [
    flag({
      flag: '--listen <host:port>',
      description: 'where /metrics, /healthz, /readyz and /health are served',
      default: { host: '0.0.0.0', port: 8080 },
      shown: '0.0.0.0:8080',
      parse: (text) => {
        const parsed = addressAndPort(text, null);
        if (parsed === null)
          throw new InvalidArgumentError('Give an address and a port, such as 0.0.0.0:8080 or [::]:8080.');
        return parsed;
      },
    }),
    flag<LogLevel>({
      flag: '--log-level <level>',
      description: logLevels.join(', '),
      default: 'info',
      shown: 'info',
      parse: (text) => {
        const level = logLevels.find((known) => known === text);
        if (level === undefined) throw new InvalidArgumentError(`Give one of ${logLevels.join(', ')}.`);
        return level;
      },
    }),
  ];
}

function matches(pattern: string): (text: string) => boolean {
  const expression = new RegExp(pattern);
  return (text) => expression.test(text);
}

function only(fits: (text: string) => boolean, wanted: string): (text: string) => string {
  return (text) => {
    if (!fits(text)) throw new InvalidArgumentError(`Give ${wanted}.`);
    return text;
  };
}

function listOf(fits: (text: string) => boolean, wanted: string): (text: string) => readonly string[] {
  return (text) => {
    const entries = [...new Set(text.split(',').map((entry) => entry.trim()))].filter((entry) => entry !== '');
    const wrong = entries.find((entry) => !fits(entry));
    if (wrong !== undefined) throw new InvalidArgumentError(`Give ${wanted}; ${JSON.stringify(wrong)} is none.`);
    return entries;
  };
}

function durationOf(minMs: number, maxMs: number): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms === null || ms < minMs || ms > maxMs) {
      throw new InvalidArgumentError(
        `Give a duration such as 500ms, 2s or 1m30s, from ${minMs / 1000}s to ${maxMs / 1000}s.`,
      );
    }
    return ms;
  };
}

function deniedCidrs(text: string): readonly string[] {
  const entries = listOf(
    (entry) => entry === 'default' || isCidr(entry),
    'ranges such as 10.96.0.0/12 or default',
  )(text);
  return [...new Set(entries.flatMap((entry) => (entry === 'default' ? DEFAULT_DENIED_CIDRS : [entry])))];
}

function isCidr(text: string): boolean {
  const [address = ''] = text.split('/', 1);
  // ipaddr.js alone would take 10/8 for a range.
  return isIP(address) !== 0 && ipaddr.isValidCIDR(text);
}

/** `host:port` with an IP literal as host; `defaultPort` null: the port must be given. */
function addressAndPort(
  text: string,
  defaultPort: number | null,
): { readonly host: string; readonly port: number } | null {
  const [, bracketed, plain, given] = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const bare = isIP(text) === 6 ? text : undefined;
  const host = bare ?? bracketed ?? plain;
  const port = given === undefined ? defaultPort : Number(given);
  if (host === undefined || isIP(host) === 0 || port === null || port > 65535) return null;
  return { host, port };
}
