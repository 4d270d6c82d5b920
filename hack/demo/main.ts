/** `npm run demo`: parses its flags, builds the operator, and tells the story inside a world of real parts. */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleOperator } from '../bundle.ts';
import { DEFAULT_OPTIONS } from '../world/options.ts';
import { runWorld } from '../world/run-world.ts';

const USAGE = `Usage: npm run demo -- [options]

Three PostgreSQL servers, the built operator, a DatabaseFailover, an application that writes through a ClusterIP; then the
primary is killed and somebody promotes another, and you see what the application felt.

  --fault follow     what happens to the primary (follow: killed, and a person promotes another)
  --postgres 15|18   version of the servers (default 18)
  --json             only one line of JSON at the end; the story goes to stderr
  --keep             stay up afterwards, until Ctrl-C
  --help`;

async function main(args: readonly string[]): Promise<number> {
  const parsed = parse(args);
  if (typeof parsed === 'string') {
    process.stderr.write(`demo: ${parsed}\n\n${USAGE}\n`);
    return 2;
  }
  if (parsed.help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  process.stderr.write('demo: building the operator\n');
  await bundleOperator();
  const flags = [...(parsed.json ? ['--json'] : []), ...(parsed.keep ? ['--keep'] : [])];
  return await runWorld({ ...DEFAULT_OPTIONS, members: 0, postgres: parsed.postgres, quiet: true }, [
    process.execPath,
    join(import.meta.dirname, 'story.ts'),
    ...flags,
  ]);
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        fault: { type: 'string', default: 'follow' },
        postgres: { type: 'string', default: '18' },
        json: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.fault !== 'follow') return `--fault ${values.fault} is not known; the only one is follow`;
    if (values.postgres !== '15' && values.postgres !== '18') return '--postgres must be 15 or 18';
    return {
      json: values.json,
      keep: values.keep,
      help: values.help,
      postgres: values.postgres === '15' ? 15 : 18,
    } as const;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(125);
  },
);
