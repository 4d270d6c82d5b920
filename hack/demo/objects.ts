/** What an SRE would apply for the demo's group, and the SQL a DBA would run for it. */
import type { PostgresGroup } from '../world/postgres-group.ts';

export const NAMESPACE = 'shop';
export const RESOURCE = 'orders';
export const DATABASE = 'orders';

export const ROLES = {
  monitor: { user: 'dbfailover_monitor', password: 'monitor-s3cret' },
  application: { user: 'orders_app', password: 'app-s3cret' },
} as const;

/** Run on the primary; the standbys get it by replication. */
export function roleStatements(): readonly string[] {
  const { monitor, application } = ROLES;
  return [
    `CREATE ROLE ${monitor.user} LOGIN REPLICATION PASSWORD '${monitor.password}' IN ROLE pg_monitor`,
    `CREATE ROLE ${application.user} LOGIN PASSWORD '${application.password}'`,
    `CREATE DATABASE ${DATABASE} OWNER ${application.user}`,
  ];
}

export function objects(group: PostgresGroup): readonly object[] {
  const { monitor } = ROLES;
  return [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'orders-monitor', namespace: NAMESPACE },
      stringData: { username: monitor.user, password: monitor.password },
    },
    {
      apiVersion: 'dbfailover.dev/v1alpha1',
      kind: 'DatabaseFailover',
      metadata: { name: RESOURCE, namespace: NAMESPACE },
      spec: {
        mode: 'Follow',
        members: group.members.map(({ name, host, port }) => ({ name, host, port })),
        credentials: { monitor: { secretRef: { name: 'orders-monitor' } } },
        tls: { mode: 'Disable' },
        routes: {
          readWrite: { service: 'orders-rw' },
          readOnly: { service: 'orders-ro', dwell: '1s' },
          configMaps: [
            {
              name: 'orders-db',
              data: {
                DATABASE_URL: `postgres://{{readWrite.host}}:{{readWrite.port}}/${DATABASE}`,
                DATABASE_REPLICA_URL: `postgres://{{readOnly.host}}:{{readOnly.port}}/${DATABASE}`,
              },
            },
          ],
        },
      },
    },
  ];
}
