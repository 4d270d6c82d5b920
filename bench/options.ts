import { parseArgs } from 'node:util';

export const USAGE = `Usage: npm run bench -- follow [options]

Measures on real parts how long an application that writes through the ClusterIP waits after somebody promoted a standby.
One line of JSON per run, then the spread.

  --profile default|tuned  default: interval 1s, timeout 3s; tuned: interval 200ms, timeout 500ms (default: default)
  --runs N                 1 to 100 (default 5)
  --postgres 15|18         version of the servers (default 18)
  --min-sync-period 0s|1s  of kube-proxy; stock clusters use 1s (default 0s)
  --help`;

export interface BenchOptions {
  readonly profile: 'default' | 'tuned';
  readonly runs: number;
  readonly postgres: 15 | 18;
  readonly minSyncPeriod: '0s' | '1s';
}

/** Text: what is wrong, or null for help. */
export function parseBenchOptions(args: readonly string[]): BenchOptions | string | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        profile: { type: 'string', default: 'default' },
        runs: { type: 'string', default: '5' },
        postgres: { type: 'string', default: '18' },
        'min-sync-period': { type: 'string', default: '0s' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) return null;
    if (positionals.length !== 1 || positionals[0] !== 'follow') return 'name the benchmark; the only one is follow';
    if (values.profile !== 'default' && values.profile !== 'tuned') return '--profile must be default or tuned';
    const runs = Number(values.runs);
    if (!Number.isInteger(runs) || runs < 1 || runs > 100) return '--runs must be a whole number from 1 to 100';
    if (values.postgres !== '15' && values.postgres !== '18') return '--postgres must be 15 or 18';
    const minSyncPeriod = values['min-sync-period'];
    if (minSyncPeriod !== '0s' && minSyncPeriod !== '1s') return '--min-sync-period must be 0s or 1s';
    return { profile: values.profile, runs, postgres: values.postgres === '15' ? 15 : 18, minSyncPeriod };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
