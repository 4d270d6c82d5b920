import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { getBinaries } from './world/binaries/get-binaries.ts';
import { sayOnStderr } from './world/binaries/progress.ts';
import { DEFAULT_OPTIONS } from './world/options.ts';
import { runWorld } from './world/run-world.ts';
import { signalNumber } from './world/signals.ts';

const root = resolve(import.meta.dirname, '..');

const reportSchema = z.object({ numPassedTests: z.number(), numFailedTests: z.number() });

/** `npm test`: everything in one world; `npm test -- test/unit/x`: that alone, without a world where none is needed. */
async function main(args: readonly string[]): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'dbfo-test-'));
  const reportFile = join(dir, 'report.json');
  try {
    const filters = args.filter((arg) => !arg.startsWith('-'));
    const coverage = filters.length === 0 ? ['--coverage'] : [];
    const vitest = [
      ...[join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...coverage],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`, ...args],
    ];
    const code = needsWorld(filters) ? await runInWorld(vitest) : await runHere(vitest);
    return await summarise(reportFile, code);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Only filters that all lie in folders without real parts go without; what is not a path may match anything. */
function needsWorld(filters: readonly string[]): boolean {
  const worldless = ['unit', 'simulation'].map((folder) => join(root, 'test', folder));
  const isWorldless = (filter: string) => worldless.some((folder) => resolve(filter).startsWith(folder));
  return filters.length === 0 || !filters.every(isWorldless);
}

async function runInWorld(vitest: readonly string[]): Promise<number> {
  // The tests of the chart need it, and cannot get it where there is no network.
  await getBinaries(['helm'], sayOnStderr);
  return await runWorld({ ...DEFAULT_OPTIONS, members: 0 }, [process.execPath, ...vitest]);
}

async function runHere(vitest: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...vitest, '--project=unit'], { stdio: 'inherit', cwd: root });
  return await new Promise((done) => {
    child.once('exit', (code, signal) => done(signal === null ? (code ?? 1) : 128 + signalNumber(signal)));
  });
}

/** The last line of the output, for people and for scripts, from the runner's own report. */
async function summarise(reportFile: string, code: number): Promise<number> {
  if (!existsSync(reportFile)) {
    process.stderr.write('the test run ended before it wrote its report\n');
    return code === 0 ? 1 : code;
  }
  const report = reportSchema.parse(JSON.parse(await readFile(reportFile, 'utf8')));
  process.stdout.write(`${report.numPassedTests} passed, ${report.numFailedTests} failed\n`);
  return code;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(125);
  },
);
