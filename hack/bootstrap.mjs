/**
 * Runs a TypeScript file of this project on a machine that was never set up for it:
 * `node hack/bootstrap.mjs FILE ARGUMENT...`. Plain JavaScript for any Node from 18 on, without dependencies, because
 * nothing is installed yet when it starts; the file itself runs on the Node that package-lock.json pins.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const PROGRESS_MS = 3_000;
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

/** npm shows on a terminal alone that it works; elsewhere a line tells it each 3 s. */
async function install() {
  if (isInstalled()) return;
  const what = 'installing the npm packages (npm ci) ...';
  process.stderr.write(`${what}\n`);
  const child = spawn('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, NODE_ENV: 'development' },
  });
  const stopRelay = relaySignals(child);
  const startedAt = Date.now();
  const tell = () => process.stderr.write(`${what} ${Math.round((Date.now() - startedAt) / 1000)} s\n`);
  const timer = process.stderr.isTTY ? undefined : setInterval(tell, PROGRESS_MS);
  const { code, signal, error } = await endOf(child);
  clearInterval(timer);
  stopRelay();
  if (error !== null) fail('npm was not found: install Node.js with npm, see https://nodejs.org/en/download.');
  if (signal !== null) process.exit(128 + constants.signals[signal]);
  if (code !== 0) fail('npm ci failed; its messages stand above.');
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

/**
 * A signal to npm reaches this process alone. From a terminal the child gets Ctrl-C itself as well: what is started here
 * takes a second one as the first.
 */
function relaySignals(child) {
  const relay = (signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, relay);
  return () => {
    for (const signal of SIGNALS) process.off(signal, relay);
  };
}

function endOf(child) {
  return new Promise((done) => {
    child.once('error', (error) => done({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => done({ code, signal, error: null }));
  });
}

/** Node cannot replace itself, so this process stays, passes signals on and ends as its child ends. */
async function run(file, args) {
  const child = spawn(join(modules, '.bin', 'node'), [file, ...args], { stdio: 'inherit' });
  relaySignals(child);
  const { code, signal, error } = await endOf(child);
  if (error !== null) fail(`${file} cannot be run: ${error.message}`);
  process.exit(signal === null ? code : 128 + constants.signals[signal]);
}

const [file, ...args] = process.argv.slice(2);
if (file === undefined) fail('usage: node hack/bootstrap.mjs FILE ARGUMENT...');
checkPlatform();
await install();
linkPostgresLibraries();
await run(file, args);
