import { spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { signalGroupBelow } from './process-tree.ts';
import { isSignal, signalNumber } from './signals.ts';

/** Inherited from the launcher; see run-world.ts. */
const LAUNCHER_FD = 3;
const NOT_FOUND = 127;

/** Runs the user's command with our terminal. Resolves with its exit code, 128 + n after signal n, 127 if not found. */
export function runCommand(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
  onStart: (signal: (name: NodeJS.Signals) => void) => void,
): Promise<number> {
  const [program = '', ...args] = command;
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit', env });
    onStart((name) => {
      if (child.pid === undefined) return;
      // A shell that got the interrupt alone would wait for what it runs.
      if (name === 'SIGINT') signalGroupBelow(child.pid, name);
      else child.kill(name);
    });
    child.once('error', (error) => {
      process.stderr.write(`world: ${program} cannot be run: ${error.message}\n`);
      resolve(NOT_FOUND);
    });
    child.once('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : 128 + signalNumber(signal)));
  });
}

/** Passes on the signals that the launcher got; ends this process, and with it the world, when the launcher is gone. */
export function listenToLauncher(onSignal: (signal: NodeJS.Signals) => void): void {
  const pipe = new Socket({ fd: LAUNCHER_FD, readable: true, writable: false });
  createInterface({ input: pipe }).on('line', (line) => {
    if (isSignal(line)) onSignal(line);
  });
  pipe.on('error', () => process.exit(1));
  pipe.on('close', () => process.exit(1));
  pipe.unref();
}
