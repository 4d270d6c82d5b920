import { parseArgs } from 'node:util';
import { z } from 'zod';
import { MAX_MEMBERS } from './addresses.ts';

export const USAGE = `Usage: npm run world -- [options] [--] COMMAND [ARGUMENT...]

Runs COMMAND in a network of its own with a real Kubernetes API server, controller-manager and kube-proxy, a scripted
DNS server and PostgreSQL members with streaming replication. KUBECONFIG and WORLD (one line of JSON) tell it where
they are. Everything ends when COMMAND ends. For a shell with kubectl: npm run world -- bash

  --members N             PostgreSQL members, 0 to ${MAX_MEMBERS} (default 3)
  --postgres 15|18        their version (default 18)
  --async, --sync         whether a commit waits for another member (default --async)
  --no-proxy              without kube-proxy: ClusterIPs lead nowhere
  --min-sync-period 0s|1s of kube-proxy (default 0s; stock clusters use 1s)
  --quiet                 no line when the world is ready
  --help`;

const MEMBERS_RULE = `--members must be a whole number from 0 to ${MAX_MEMBERS}`;

const optionsSchema = z.object({
  members: z
    .string()
    .regex(/^\d{1,2}$/, MEMBERS_RULE)
    .transform(Number)
    .refine((count) => count <= MAX_MEMBERS, MEMBERS_RULE),
  postgres: z
    .union([z.literal('15'), z.literal('18')], { error: '--postgres must be 15 or 18' })
    .transform((text) => (text === '15' ? 15 : 18)),
  sync: z.boolean(),
  proxy: z.boolean(),
  minSyncPeriod: z.union([z.literal('0s'), z.literal('1s')], { error: '--min-sync-period must be 0s or 1s' }),
  quiet: z.boolean(),
});

export type WorldOptions = z.output<typeof optionsSchema>;

export const DEFAULT_OPTIONS: WorldOptions = {
  members: 3,
  postgres: 18,
  sync: false,
  proxy: true,
  minSyncPeriod: '0s',
  quiet: false,
};

export type CommandLine =
  | { readonly kind: 'Help' }
  | { readonly kind: 'Wrong'; readonly message: string }
  | { readonly kind: 'Run'; readonly options: WorldOptions; readonly command: readonly string[] };

/** Options end at `--` or at the first word that is none, so that COMMAND may have options of its own. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  const split = commandStart(args);
  try {
    const { values } = parseArgs({
      args: args.slice(0, split),
      options: {
        members: { type: 'string' },
        postgres: { type: 'string' },
        async: { type: 'boolean' },
        sync: { type: 'boolean' },
        'no-proxy': { type: 'boolean' },
        'min-sync-period': { type: 'string' },
        quiet: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) return { kind: 'Help' };
    if (values.async === true && values.sync === true)
      return { kind: 'Wrong', message: '--async and --sync exclude each other' };
    const command = args.slice(args[split] === '--' ? split + 1 : split);
    if (command.length === 0) return { kind: 'Wrong', message: 'COMMAND is missing' };
    const options = optionsSchema.parse({
      members: values.members ?? String(DEFAULT_OPTIONS.members),
      postgres: values.postgres ?? String(DEFAULT_OPTIONS.postgres),
      sync: values.sync ?? DEFAULT_OPTIONS.sync,
      proxy: values['no-proxy'] !== true,
      minSyncPeriod: values['min-sync-period'] ?? DEFAULT_OPTIONS.minSyncPeriod,
      quiet: values.quiet ?? DEFAULT_OPTIONS.quiet,
    });
    return { kind: 'Run', options, command };
  } catch (error) {
    return { kind: 'Wrong', message: explain(error) };
  }
}

const WITH_VALUE = new Set(['--members', '--postgres', '--min-sync-period']);

function commandStart(args: readonly string[]): number {
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] ?? '';
    if (word === '--' || !word.startsWith('-')) return index;
    if (WITH_VALUE.has(word)) index += 1;
  }
  return args.length;
}

function explain(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues
      .map(({ path, message }) => (message.startsWith('--') ? message : `--${path.join('.')}: ${message}`))
      .join('; ');
  return error instanceof Error ? error.message : String(error);
}
