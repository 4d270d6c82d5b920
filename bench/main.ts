/** `npm run bench`: builds the operator and measures it inside a world of real parts. */
import { join } from 'node:path';
import { bundleOperator } from '../hack/bundle.ts';
import { DEFAULT_OPTIONS } from '../hack/world/options.ts';
import { runWorld } from '../hack/world/run-world.ts';
import { parseBenchOptions, USAGE } from './options.ts';

async function main(args: readonly string[]): Promise<number> {
  const options = parseBenchOptions(args);
  if (options === null) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (typeof options === 'string') {
    process.stderr.write(`bench: ${options}\n\n${USAGE}\n`);
    return 2;
  }
  process.stderr.write('bench: building the operator\n');
  await bundleOperator();
  const { postgres, minSyncPeriod } = options;
  return await runWorld({ ...DEFAULT_OPTIONS, members: 0, postgres, minSyncPeriod, quiet: true }, [
    process.execPath,
    join(import.meta.dirname, 'follow.ts'),
    JSON.stringify(options),
  ]);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(125);
  },
);
