/**
 * Runs a TypeScript file of this project on a machine that was never set up for it:
 * `node hack/bootstrap.mjs FILE ARGUMENT...`. Plain JavaScript for any Node from 18 on, without dependencies, because
 * nothing is installed yet when it starts; the file itself runs on the Node that package-lock.json pins.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
/** npm writes it last, so that an interrupted installation does not count. */
const installedMark = join(modules, '.package-lock.json');

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function checkPlatform() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    fail(`This command needs Linux on x86-64; this is ${process.platform} on ${process.arch}.`);
  }
}

/** By time where that suffices, else by content: a checkout gives the lock file a new time without changing it. */
function isInstalled() {
  const lockFile = join(root, 'package-lock.json');
  if (!existsSync(installedMark)) return false;
  if (statSync(installedMark).mtimeMs >= statSync(lockFile).mtimeMs) return true;
  const wanted = Object.entries(JSON.parse(readFileSync(lockFile, 'utf8')).packages);
  const installed = JSON.parse(readFileSync(installedMark, 'utf8')).packages;
  return wanted.every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

function install() {
  if (isInstalled()) return;
  process.stderr.write('installing the npm packages (npm ci) ...\n');
  const { status, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, NODE_ENV: 'development' },
  });
  if (error !== undefined) fail('npm was not found: install Node.js with npm, see https://nodejs.org/en/download.');
  if (status !== 0) fail('npm ci failed; its messages stand above.');
}

/** The PostgreSQL packages make these in their install scripts, which npm may have been told not to run. */
function linkPostgresLibraries() {
  for (const name of ['pg15', 'pg18']) {
    const folder = join(modules, name);
    const list = join(folder, 'native', 'pg-symlinks.json');
    if (!existsSync(list)) continue;
    for (const { source, target } of JSON.parse(readFileSync(list, 'utf8'))) {
      const link = join(folder, target);
      if (existsSync(link)) continue;
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(relative(dirname(link), join(folder, source)), link);
    }
  }
}

/** Node cannot replace itself, so this process stays, passes signals on and ends as its child ends. */
function run(file, args) {
  const child = spawn(join(modules, '.bin', 'node'), [file, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // From a terminal the child gets Ctrl-C itself.
  process.on('SIGINT', () => {
    if (!process.stdin.isTTY) child.kill('SIGINT');
  });
  child.on('error', (error) => fail(`${file} cannot be run: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}

const [file, ...args] = process.argv.slice(2);
if (file === undefined) fail('usage: node hack/bootstrap.mjs FILE ARGUMENT...');
checkPlatform();
install();
linkPostgresLibraries();
run(file, args);
