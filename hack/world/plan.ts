import { z } from 'zod';

/** What the launcher tells the process that it starts inside the new namespaces, in the environment. */
export const PLAN_VARIABLE = 'DBFO_WORLD_PLAN';

const planSchema = z.object({
  runDir: z.string(),
  options: z.object({
    members: z.number(),
    postgres: z.union([z.literal(15), z.literal(18)]),
    sync: z.boolean(),
    proxy: z.boolean(),
    minSyncPeriod: z.union([z.literal('0s'), z.literal('1s')]),
    quiet: z.boolean(),
  }),
  binaries: z.object({
    etcd: z.string(),
    'kube-apiserver': z.string(),
    'kube-controller-manager': z.string(),
    'kube-proxy': z.string(),
    kubectl: z.string(),
  }),
  /** Performance time origin shared by launcher and inside: wall time at which the user's command began. */
  startedAt: z.number(),
  command: z.array(z.string()).min(1),
});

export type WorldPlan = z.infer<typeof planSchema>;

export function readPlan(text: string | undefined): WorldPlan {
  if (text === undefined) throw new Error(`${PLAN_VARIABLE} is not set: this file is started by run-world.ts`);
  return planSchema.parse(JSON.parse(text));
}
