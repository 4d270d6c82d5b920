import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { COUNTS_VARIABLE, countsSchema } from './test-counts.ts';
import { getBinaries } from './world/binaries/get-binaries.ts';
import { stderrVoice } from './world/binaries/progress.ts';
import { DEFAULT_OPTIONS } from './world/options.ts';
import { killTree } from './world/process-tree.ts';
import { runWorld } from './world/run-world.ts';
import { relaySignals, signalNumber } from './world/signals.ts';

const root = resolve(import.meta.dirname, '..');

/** How long the runner may take to end after a signal before it is killed. */
const GRACE_MS = 10_000;

/** `npm test`: everything in one world; `npm test -- test/unit/x`: that alone, without a world where none is needed. */
async function main(args: readonly string[]): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'dbfo-test-'));
  const countsFile = join(dir, 'counts.json');
  process.env[COUNTS_VARIABLE] = countsFile;
  try {
    const filters = args.filter((arg) => !arg.startsWith('-'));
    const coverage = filters.length === 0 ? ['--coverage'] : [];
    const vitest = [
      ...[join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...coverage],
      ...['--reporter=default', `--reporter=${join(import.meta.dirname, 'test-counts.ts')}`, ...args],
    ];
    const code = needsWorld(filters) ? await runInWorld(vitest) : await runHere(vitest);
    return await summarise(countsFile, code);
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
  await getBinaries(['helm'], stderrVoice);
  return await runWorld({ ...DEFAULT_OPTIONS, members: 0 }, [process.execPath, ...vitest]);
}

async function runHere(vitest: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [...vitest, '--project=unit'], { stdio: 'inherit', cwd: root });
  const stopRelay = relaySignals(
    (signal) => child.kill(signal),
    () => void killTree(child.pid ?? 0),
    GRACE_MS,
  );
  try {
    return await new Promise((done) => {
      child.once('exit', (code, signal) => done(signal === null ? (code ?? 1) : 128 + signalNumber(signal)));
    });
  } finally {
    stopRelay();
  }
}

/** The last line of the output, for people and for scripts, from the runner's own counts. */
async function summarise(countsFile: string, code: number): Promise<number> {
  if (!existsSync(countsFile)) {
    process.stderr.write('the test run ended before its tests were counted\n');
    return code === 0 ? 1 : code;
  }
  const { passed, failed } = countsSchema.parse(JSON.parse(await readFile(countsFile, 'utf8')));
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return code;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(125);
  },
);
