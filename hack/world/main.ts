import { parseCommandLine, USAGE } from './options.ts';
import { runWorld } from './run-world.ts';

const USAGE_ERROR = 2;
const FAILED = 125;

async function main(): Promise<number> {
  const line = parseCommandLine(process.argv.slice(2));
  switch (line.kind) {
    case 'Help':
      process.stdout.write(`${USAGE}\n`);
      return 0;
    case 'Wrong':
      process.stderr.write(`world: ${line.message}\n\n${USAGE}\n`);
      return USAGE_ERROR;
    case 'Run':
      return await runWorld(line.options, line.command);
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    process.stderr.write(`world: ${text}\n`);
    process.exit(FAILED);
  },
);
