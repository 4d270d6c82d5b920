import { join } from 'node:path';
import { GATEWAY, GATEWAY6, SERVICE_CIDRS } from './addresses.ts';
import type { ControlPlaneFiles } from './control-plane-files.ts';
import type { ServerCommand } from './server-process.ts';

const ETCD_CLIENT = 'http://127.0.0.1:2379';
const ETCD_PEER = 'http://127.0.0.1:2380';
export const NODE_NAME = 'world';
export const PROXY_HEALTH = 'http://127.0.0.1:10256/healthz';

export type ServerName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-proxy';

/** `0s` publishes every slice at once; stock clusters use `1s`, where an add right after a drain waits. */
export type MinSyncPeriod = '0s' | '1s';

export interface ControlPlaneSetup {
  readonly binaries: Readonly<Record<ServerName, string>>;
  readonly files: ControlPlaneFiles;
  readonly runDir: string;
}

function command(setup: ControlPlaneSetup, name: ServerName, args: readonly string[]): ServerCommand {
  return {
    name,
    path: setup.binaries[name],
    args,
    logFile: join(setup.runDir, `${name}.log`),
    env: { HOME: setup.runDir },
  };
}

export function etcdCommand(setup: ControlPlaneSetup): ServerCommand {
  return command(setup, 'etcd', [
    `--data-dir=${join(setup.runDir, 'etcd')}`,
    `--listen-client-urls=${ETCD_CLIENT}`,
    `--advertise-client-urls=${ETCD_CLIENT}`,
    `--listen-peer-urls=${ETCD_PEER}`,
    `--initial-advertise-peer-urls=${ETCD_PEER}`,
    `--initial-cluster=default=${ETCD_PEER}`,
    '--unsafe-no-fsync', // the whole world lives in memory
    '--log-level=warn',
  ]);
}

export function apiServerCommand(setup: ControlPlaneSetup): ServerCommand {
  const { files } = setup;
  return command(setup, 'kube-apiserver', [
    `--etcd-servers=${ETCD_CLIENT}`,
    `--bind-address=${GATEWAY}`,
    // Without it the API server refuses to start: its own choice would be a loopback address.
    `--advertise-address=${GATEWAY}`,
    `--service-cluster-ip-range=${SERVICE_CIDRS.join(',')}`,
    `--tls-cert-file=${files.path('apiserver.crt')}`,
    `--tls-private-key-file=${files.path('apiserver.key')}`,
    `--token-auth-file=${files.path('tokens.csv')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.path('service-accounts.key')}`,
    `--service-account-signing-key-file=${files.path('service-accounts.key')}`,
    `--cert-dir=${join(setup.runDir, 'apiserver')}`,
  ]);
}

export function controllerManagerCommand(setup: ControlPlaneSetup): ServerCommand {
  const { files } = setup;
  return command(setup, 'kube-controller-manager', [
    `--kubeconfig=${files.kubeconfig('controller-manager')}`,
    `--service-account-private-key-file=${files.path('service-accounts.key')}`,
    `--root-ca-file=${files.path('ca.crt')}`,
    `--service-cluster-ip-range=${SERVICE_CIDRS.join(',')}`,
    // With an account per controller it starts 5 s later; its own user has every right instead.
    '--use-service-account-credentials=false',
    '--leader-elect=false',
    // Nobody renews the node's lease here: it would be tainted after 40 s.
    '--controllers=*,-node-lifecycle-controller,-taint-eviction-controller',
    '--bind-address=127.0.0.1',
    `--cert-dir=${join(setup.runDir, 'controller-manager')}`,
  ]);
}

export function proxyCommand(setup: ControlPlaneSetup, minSyncPeriod: MinSyncPeriod): ServerCommand {
  return command(setup, 'kube-proxy', [
    `--kubeconfig=${setup.files.kubeconfig('proxy')}`,
    `--hostname-override=${NODE_NAME}`,
    '--proxy-mode=nftables',
    // The flag's name is of another mode, but nftables mode obeys it.
    `--iptables-min-sync-period=${minSyncPeriod}`,
    // These kernel settings are not writable in a user namespace.
    '--conntrack-max-per-core=0',
    '--conntrack-min=0',
    '--conntrack-tcp-timeout-established=0s',
    '--conntrack-tcp-timeout-close-wait=0s',
    '--healthz-bind-address=127.0.0.1:10256',
    '--metrics-bind-address=127.0.0.1:10249',
  ]);
}

export const NODE_OBJECT = { apiVersion: 'v1', kind: 'Node', metadata: { name: NODE_NAME } } as const;
export const NODE_STATUS = {
  status: {
    addresses: [
      { type: 'InternalIP', address: GATEWAY },
      { type: 'InternalIP', address: GATEWAY6 },
      { type: 'Hostname', address: NODE_NAME },
    ],
    conditions: [{ type: 'Ready', status: 'True', reason: 'World', message: 'no kubelet runs here' }],
  },
} as const;
