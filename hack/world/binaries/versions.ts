/** Everything that the world runs, pinned in this one place (PostgreSQL is pinned in package.json). */
const KUBERNETES = 'v1.37.2';
const ETCD = 'v3.7.0';
const HELM = 'v4.3.1';

/** What the modules beside this file need to build. */
export const GO_MINIMUM = [1, 26] as const;

export type BinaryName = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-proxy' | 'kubectl' | 'helm';

/** What every world runs; helm is got only by those who ask. */
export const WORLD_BINARIES = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-proxy', 'kubectl'] as const;

export interface BinarySource {
  readonly version: string;
  /** Environment variable that replaces the download's base address. */
  readonly baseVariable: string;
  readonly base: string;
  /** Below the base address. */
  readonly file: string;
  /** Below the base address: a bare checksum, or lines of checksum and file name. */
  readonly checksums: string;
  /** Path inside the archive; null: `file` is the binary. */
  readonly member: string | null;
  /** Folder with go.mod, beside this file. */
  readonly module: 'kubernetes' | 'helm';
  readonly goPackage: string;
  readonly ldflags: string;
  /** Measured on 2 cores with empty caches, in this order; for the progress line. */
  readonly buildMinutes: number;
}

const [major = '', minor = ''] = KUBERNETES.slice(1).split('.');
const COMPONENT = 'k8s.io/component-base/version';
/** Clients cannot parse the server's version without them. */
const KUBERNETES_LDFLAGS = `-s -w -X ${COMPONENT}.gitVersion=${KUBERNETES} -X ${COMPONENT}.gitMajor=${major} -X ${COMPONENT}.gitMinor=${minor}`;

function kubernetes(name: BinaryName, buildMinutes: number): BinarySource {
  return {
    version: KUBERNETES,
    baseVariable: 'DBFO_KUBERNETES_URL',
    base: 'https://dl.k8s.io',
    file: `${KUBERNETES}/bin/linux/amd64/${name}`,
    checksums: `${KUBERNETES}/bin/linux/amd64/${name}.sha256`,
    member: null,
    module: 'kubernetes',
    goPackage: `k8s.io/kubernetes/cmd/${name}`,
    ldflags: KUBERNETES_LDFLAGS,
    buildMinutes,
  };
}

export const SOURCES: Readonly<Record<BinaryName, BinarySource>> = {
  etcd: {
    version: ETCD,
    baseVariable: 'DBFO_ETCD_URL',
    base: 'https://github.com/etcd-io/etcd/releases/download',
    file: `${ETCD}/etcd-${ETCD}-linux-amd64.tar.gz`,
    checksums: `${ETCD}/SHA256SUMS`,
    member: `etcd-${ETCD}-linux-amd64/etcd`,
    module: 'kubernetes',
    goPackage: 'go.etcd.io/etcd/server/v3',
    ldflags: '-s -w',
    buildMinutes: 0.5,
  },
  'kube-apiserver': kubernetes('kube-apiserver', 7.5),
  'kube-controller-manager': kubernetes('kube-controller-manager', 2.5),
  'kube-proxy': kubernetes('kube-proxy', 0.7),
  kubectl: kubernetes('kubectl', 0.8),
  helm: {
    version: HELM,
    baseVariable: 'DBFO_HELM_URL',
    base: 'https://get.helm.sh',
    file: `helm-${HELM}-linux-amd64.tar.gz`,
    checksums: `helm-${HELM}-linux-amd64.tar.gz.sha256sum`,
    member: 'linux-amd64/helm',
    module: 'helm',
    goPackage: 'helm.sh/helm/v4/cmd/helm',
    ldflags: `-s -w -X helm.sh/helm/v4/internal/version.version=${HELM}`,
    buildMinutes: 2,
  },
};
