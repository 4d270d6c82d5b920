import { z } from 'zod';

const memberSchema = z.object({
  name: z.string(),
  /** Name in the world's DNS. */
  host: z.string(),
  port: z.number(),
  address: z.string(),
  address6: z.string(),
  replicationAddress: z.string(),
  dataDir: z.string(),
  pidFile: z.string(),
  socketDir: z.string(),
  superuser: z.object({ user: z.string(), password: z.string() }),
});

const worldSchema = z.object({
  /** Memory-backed folder that vanishes with the world; below it live data folders, logs and keys. */
  runDir: z.string(),
  postgresVersion: z.union([z.literal(15), z.literal(18)]),
  /** `bin` folder by major version, usable by the user that PostgreSQL runs as. */
  postgresBin: z.record(z.string(), z.string()),
  members: z.array(memberSchema),
  apiServer: z.string(),
  kubeconfig: z.string(),
  serviceCidrs: z.array(z.string()),
  dnsServer: z.string(),
  /** See control-endpoint.ts. */
  control: z.string(),
});

export type MemberDescription = z.infer<typeof memberSchema>;
export type WorldDescription = z.infer<typeof worldSchema>;

/** What `npm run world` tells its command in `WORLD`. */
export function readWorld(env: Readonly<Record<string, string | undefined>> = process.env): WorldDescription {
  const text = env.WORLD;
  if (text === undefined)
    throw new Error('this needs the local world: run it by `npm run world -- COMMAND` or `npm test`');
  return worldSchema.parse(JSON.parse(text));
}
