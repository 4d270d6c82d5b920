/** Group, names and marks that the operator writes; users may rely on every one of them. */
export const GROUP = 'dbfailover.dev';
export const VERSION = 'v1alpha1';
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Field manager of every server-side apply, and `managed-by` of every slice. */
export const FIELD_MANAGER = 'databasefailover';
export const SLICE_MANAGER = 'databasefailover.dbfailover.dev';

export const RESOURCES = {
  databaseFailover: { group: GROUP, version: VERSION, plural: 'databasefailovers', kind: 'DatabaseFailover' },
  failoverRequest: { group: GROUP, version: VERSION, plural: 'failoverrequests', kind: 'FailoverRequest' },
  service: { group: '', version: 'v1', plural: 'services', kind: 'Service' },
  configMap: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap' },
  secret: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret' },
  endpointSlice: { group: 'discovery.k8s.io', version: 'v1', plural: 'endpointslices', kind: 'EndpointSlice' },
  lease: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease' },
  event: { group: 'events.k8s.io', version: 'v1', plural: 'events', kind: 'Event' },
} as const;

/** On every object we write: which resource it belongs to, as `name` in the same namespace. */
export const OWNER_LABEL = `${GROUP}/resource`;
/** On every object we write. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'database-failover-operator';
/** On every published object: the attempt that published it; grows, never in `data` unless a template asks. */
export const EPOCH_ANNOTATION = `${GROUP}/epoch`;
/** On slices and ConfigMaps: the member that the read-write route points to; empty while drained. */
export const PRIMARY_ANNOTATION = `${GROUP}/primary`;
/**
 * On the read-write slices: names of the Secrets we published, comma-separated. Secrets are never listed, so this is
 * how those that the spec dropped are found again.
 */
export const SECRETS_ANNOTATION = `${GROUP}/secrets`;
