import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { API_PORT, GATEWAY } from './addresses.ts';
import { createAuthority } from './certificates.ts';

export const API_SERVER = `https://${GATEWAY}:${API_PORT}`;

/** Rights come from Kubernetes' own bootstrap roles. */
const USERS = [
  { file: 'admin', user: 'admin', groups: ['system:masters'] },
  { file: 'controller-manager', user: 'system:kube-controller-manager', groups: ['system:masters'] },
  { file: 'proxy', user: 'system:kube-proxy', groups: [] },
] as const;
export type ControlPlaneUser = (typeof USERS)[number]['file'];

export interface ControlPlaneFiles {
  readonly dir: string;
  /** PEM of the authority that signed the API server's certificate. */
  readonly ca: string;
  readonly adminToken: string;
  kubeconfig(user: ControlPlaneUser): string;
  path(file: 'ca.crt' | 'apiserver.crt' | 'apiserver.key' | 'service-accounts.key' | 'tokens.csv'): string;
}

/** Keys, certificates, tokens and kubeconfigs, all made for this one world. */
export async function writeControlPlaneFiles(dir: string): Promise<ControlPlaneFiles> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const authority = await createAuthority('world');
  const names = [
    GATEWAY,
    '127.0.0.1',
    '10.96.0.1',
    'fd96::1',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
  ];
  const server = await authority.issueServer(names);
  const serviceAccounts = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const users = USERS.map((each) => ({ ...each, token: randomBytes(24).toString('hex') }));
  const files: Record<string, string> = {
    'ca.crt': authority.cert,
    'apiserver.crt': server.cert,
    'apiserver.key': server.key,
    'service-accounts.key': serviceAccounts.privateKey,
    'tokens.csv': users.map(({ token, user, groups }) => `${token},${user},${user},"${groups.join(',')}"\n`).join(''),
  };
  for (const { file, user, token } of users) files[`${file}.kubeconfig`] = kubeconfig(authority.cert, user, token);
  await Promise.all(
    Object.entries(files).map(([name, content]) => writeFile(join(dir, name), content, { mode: 0o600 })),
  );
  return {
    dir,
    ca: authority.cert,
    adminToken: users[0]?.token ?? '',
    kubeconfig: (user) => join(dir, `${user}.kubeconfig`),
    path: (file) => join(dir, file),
  };
}

/** JSON is YAML too. */
function kubeconfig(ca: string, user: string, token: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'world',
    clusters: [
      {
        name: 'world',
        cluster: { server: API_SERVER, 'certificate-authority-data': Buffer.from(ca).toString('base64') },
      },
    ],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'world', context: { cluster: 'world', user } }],
  });
}
