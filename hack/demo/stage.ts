/** Everything the story needs, started: servers, objects, the built operator as a process, the application. */
import { join } from 'node:path';
import {
  type ClientTarget,
  type Reader,
  startReader,
  startWriter,
  WRITES_TABLE,
  type Writer,
} from '../scenario/client.ts';
import { applyObjects, kubectl } from '../scenario/kubectl.ts';
import { type OperatorProcess, startOperatorProcess } from '../scenario/operator-process.ts';
import { type PostgresGroup, startPostgresGroup } from '../world/postgres-group.ts';
import { readWorld } from '../world/world-description.ts';
import type { Narrator } from './narrator.ts';
import { DATABASE, NAMESPACE, objects, RESOURCE, ROLES, roleStatements } from './objects.ts';

export interface Stage {
  readonly group: PostgresGroup;
  readonly operator: OperatorProcess;
  readonly writer: Writer;
  readonly reader: Reader;
  leave(): Promise<void>;
}

/** The application inserts a row this often. */
const WRITE_EVERY_MS = 10;
const READ_EVERY_MS = 50;

export async function setStage(narrator: Narrator): Promise<Stage> {
  const world = readWorld();
  narrator.say(
    `three PostgreSQL ${world.postgresVersion} servers: frankfurt is the primary, virginia and dublin follow it`,
  );
  const group = await startPostgresGroup(world, { name: 'orders', members: ['frankfurt', 'virginia', 'dublin'] });
  const primary = group.member('frankfurt');
  for (const statement of roleStatements()) await primary.sql(statement);
  await primary.sql(WRITES_TABLE, [], { database: DATABASE });
  await primary.sql(`ALTER TABLE writes OWNER TO ${ROLES.application.user}`, [], { database: DATABASE });

  narrator.say('kubectl apply: CRDs, a Secret, a DatabaseFailover in mode Follow; the operator starts');
  await kubectl(['create', 'namespace', NAMESPACE]);
  await kubectl(['apply', '--server-side', '-k', 'crds/']);
  await kubectl([
    'wait',
    '--for=condition=Established',
    'crd/databasefailovers.dbfailover.dev',
    'crd/failoverrequests.dbfailover.dev',
  ]);
  await applyObjects(objects(group));
  const operator = await startOperatorProcess({
    program: 'dist/main.js',
    namespace: NAMESPACE,
    listen: { host: '10.77.0.1', port: 8080 },
    dnsServer: world.dnsServer,
    kubeconfig: world.kubeconfig,
    logFile: join(world.runDir, 'operator.log'),
  });
  await waitReady();
  const writer = startWriter(await clientOf('orders-rw'), WRITE_EVERY_MS);
  const reader = startReader(await clientOf('orders-ro'), READ_EVERY_MS);
  return {
    group,
    operator,
    writer,
    reader,
    leave: async () => {
      await Promise.all([writer.stop(), reader.stop()]);
      await operator.stop();
      await group.discard();
    },
  };
}

export const waitReady = (): Promise<string> =>
  kubectl(['-n', NAMESPACE, 'wait', '--for=condition=Ready', `dbf/${RESOURCE}`, '--timeout=30s']);

async function clientOf(service: string): Promise<ClientTarget> {
  const host = await kubectl(['-n', NAMESPACE, 'get', 'service', service, '-o', 'jsonpath={.spec.clusterIP}']);
  return { host, port: 5432, database: DATABASE, ...ROLES.application };
}
