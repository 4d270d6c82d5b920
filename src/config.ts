/** Flags and environment, parsed once into one frozen object. Nothing else reads either. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { CommanderError } from 'commander';
import { LEASE_MARGIN_MS } from './controller/attempt-intent.ts';
import { type Flags, flagsProgram } from './flags.ts';
import { loadKubeConfig } from './kube/kube-config.ts';

export interface Config {
  readonly version: string;
  /** null: all namespaces. */
  readonly namespaces: readonly string[] | null;
  /** null: as kubectl finds it, then the pod's service account. */
  readonly kubeconfig: string | null;
  readonly lease: {
    readonly name: string;
    readonly namespace: string;
    readonly identity: string;
    readonly times: {
      readonly leaseDurationMs: number;
      readonly renewDeadlineMs: number;
      readonly retryPeriodMs: number;
    };
  };
  readonly listen: { readonly host: string; readonly port: number };
  readonly logLevel: Flags['logLevel'];
  readonly region: string | null;
  readonly clusterDomain: string;
  /** Empty: the system's. */
  readonly dnsServers: readonly string[];
  readonly deniedCidrs: readonly string[];
  readonly resyncMs: number;
}

/** What to do with the command line: run, or print and leave. */
export type CommandLine =
  | { readonly kind: 'Run'; readonly config: Config }
  | { readonly kind: 'Leave'; readonly exitCode: 0 | 2; readonly text: string };

/** What the defaults are taken from. */
export interface Surroundings {
  readonly podNamespace: string | null;
  /** Namespace of the pod's service account; null outside a pod. */
  readonly serviceAccountNamespace: () => string | null;
  /** Namespace of the current context; null when there is none. */
  readonly contextNamespace: (kubeconfig: string | null) => string | null;
  readonly hostname: string;
  readonly uniqueId: () => string;
}

const SERVICE_ACCOUNT_NAMESPACE = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

export const systemSurroundings: Surroundings = {
  podNamespace: process.env.POD_NAMESPACE ?? null,
  serviceAccountNamespace: () => {
    try {
      return readFileSync(SERVICE_ACCOUNT_NAMESPACE, 'utf8').trim();
    } catch {
      // Outside a pod there is no such file; the next source is asked.
      return null;
    }
  },
  contextNamespace: (kubeconfig) => {
    try {
      const config = loadKubeConfig(kubeconfig);
      const context = config.getContextObject(config.getCurrentContext());
      // As kubectl: a context without a namespace means `default`.
      return context === null ? null : (context.namespace ?? 'default');
    } catch {
      // A kubeconfig that cannot be read is reported, with its reason, by the first who needs it.
      return null;
    }
  },
  hostname: hostname(),
  uniqueId: () => crypto.randomUUID(),
};

/** `args` are the words after the program's name; the environment is `process.env`. Never throws, never exits. */
export function readCommandLine(args: readonly string[], surroundings: Surroundings = systemSurroundings): CommandLine {
  const printed: string[] = [];
  const program = flagsProgram(packageVersion());
  program.configureOutput({
    writeOut: (text) => printed.push(text),
    writeErr: (text) => printed.push(text),
  });
  try {
    program.parse(args, { from: 'user' });
    return { kind: 'Run', config: toConfig(program.opts<Flags>(), surroundings) };
  } catch (error) {
    if (error instanceof CommanderError) {
      return { kind: 'Leave', exitCode: error.exitCode === 0 ? 0 : 2, text: printed.join('') };
    }
    if (error instanceof ConfigError) return { kind: 'Leave', exitCode: 2, text: `error: ${error.message}\n` };
    throw error;
  }
}

/** Flags that are right by themselves and wrong together. */
class ConfigError extends Error {
  readonly code = 'CONFIG_INVALID';
}

function toConfig(flags: Flags, surroundings: Surroundings): Config {
  const kubeconfig = given(flags.kubeconfig);
  const own = ownNamespace(kubeconfig, surroundings);
  const namespaces = flags.namespaces.length > 0 ? flags.namespaces : own === null ? [] : [own];
  if (namespaces.length === 0) {
    throw new ConfigError(
      "--namespaces is needed here: neither POD_NAMESPACE nor a service account nor the kubeconfig's context names a namespace",
    );
  }
  const leaseNamespace = given(flags.leaseNamespace) ?? own;
  if (leaseNamespace === null) {
    throw new ConfigError('--lease-namespace is needed here: the namespace of the operator itself is not known');
  }
  return deepFreeze({
    version: packageVersion(),
    namespaces: namespaces.includes('*') ? null : namespaces,
    kubeconfig,
    lease: {
      name: flags.leaseName,
      namespace: leaseNamespace,
      identity: given(flags.identity) ?? `${surroundings.hostname}_${surroundings.uniqueId()}`,
      times: leaseTimes(flags),
    },
    listen: flags.listen,
    logLevel: flags.logLevel,
    region: given(flags.region),
    clusterDomain: flags.clusterDomain,
    dnsServers: flags.dnsServers,
    deniedCidrs: flags.deniedCidrs,
    resyncMs: flags.resync,
  });
}

const given = (text: string): string | null => (text === '' ? null : text);

function ownNamespace(kubeconfig: string | null, surroundings: Surroundings): string | null {
  return (
    given(surroundings.podNamespace ?? '') ??
    given(surroundings.serviceAccountNamespace() ?? '') ??
    surroundings.contextNamespace(kubeconfig)
  );
}

/** client-go's conditions: a holder must have given up before another may take over, and must have had a second try. */
function leaseTimes(flags: Flags): Config['lease']['times'] {
  const times = {
    leaseDurationMs: flags.leaseDuration,
    renewDeadlineMs: flags.renewDeadline,
    retryPeriodMs: flags.retryPeriod,
  };
  if (times.leaseDurationMs <= times.renewDeadlineMs) {
    throw new ConfigError('--lease-duration must be longer than --renew-deadline; the defaults are 15s and 10s');
  }
  if (times.renewDeadlineMs <= 1.2 * times.retryPeriodMs) {
    throw new ConfigError('--renew-deadline must be longer than 1.2 x --retry-period; the defaults are 10s and 2s');
  }
  if (times.renewDeadlineMs - times.retryPeriodMs <= LEASE_MARGIN_MS) {
    throw new ConfigError(
      `--renew-deadline must be longer than --retry-period by more than ${LEASE_MARGIN_MS / 1000}s, or the lease never lasts long enough to begin an attempt; the defaults are 10s and 2s`,
    );
  }
  return times;
}

function packageVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const version: unknown = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'version') : undefined;
  if (typeof version !== 'string') throw new Error('package.json has no version');
  return version;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const field of Object.values(value)) deepFreeze(field);
    Object.freeze(value);
  }
  return value;
}
