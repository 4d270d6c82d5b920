import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = resolve(import.meta.dirname, '..', '..');
/** As in the image. */
const NODE_OPTIONS = '--max-semi-space-size=1';
const START_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 15_000;

export interface OperatorOptions {
  /** `dist/main.js` (built) or `src/main.ts`. */
  readonly program: 'dist/main.js' | 'src/main.ts';
  readonly namespace: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly dnsServer: string;
  readonly kubeconfig: string;
  readonly logFile: string;
  readonly identity?: string;
  readonly flags?: readonly string[];
}

export interface OperatorProcess {
  readonly pid: number;
  readonly url: string;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>;
  freeze(): void;
  thaw(): void;
  exited(): boolean;
  /** Body and code of a path of its HTTP server. */
  get(path: string): Promise<{ readonly code: number; readonly body: string }>;
}

/** The operator as a process of its own. Resolves when its watches are synced. */
export async function startOperatorProcess(options: OperatorOptions): Promise<OperatorProcess> {
  const { host, port } = options.listen;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const log = createWriteStream(options.logFile, { flags: 'a' });
  const child = spawn(
    process.execPath,
    [
      resolve(ROOT, options.program),
      ...['--kubeconfig', options.kubeconfig, '--namespaces', options.namespace],
      ...['--lease-namespace', options.namespace, '--listen', `${host}:${port}`],
      ...['--dns-servers', options.dnsServer],
      ...(options.identity === undefined ? [] : ['--identity', options.identity]),
      ...(options.flags ?? []),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, NODE_OPTIONS } },
  );
  child.stdout.pipe(log);
  child.stderr.pipe(log);
  const ended = new Promise<number>((done) => child.once('close', (code) => done(code ?? 128)));
  const operator: OperatorProcess = {
    pid: child.pid ?? 0,
    url,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
    stop: async () => {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      const code = await ended;
      clearTimeout(killer);
      return code;
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    exited: () => hasExited(child),
    get: async (path) => {
      const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(2000) });
      return { code: answer.status, body: await answer.text() };
    },
  };
  await untilReady(operator, options.logFile);
  return operator;
}

const hasExited = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

async function untilReady(operator: OperatorProcess, logFile: string): Promise<void> {
  const endsAt = performance.now() + START_DEADLINE_MS;
  for (;;) {
    if (operator.exited()) throw new Error(`the operator ended at its start; see ${logFile}`);
    const ready = await operator.get('/readyz').then(
      ({ code }) => code === 200,
      () => false, // not listening yet
    );
    if (ready) return;
    if (performance.now() > endsAt) {
      await operator.kill();
      throw new Error(`the operator was not ready within ${START_DEADLINE_MS / 1000} s; see ${logFile}`);
    }
    await sleep(20);
  }
}
