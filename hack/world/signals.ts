import { constants } from 'node:os';
import { descendants, signalProcess } from './process-tree.ts';

export const ENDING_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

export function isSignal(text: string): text is NodeJS.Signals {
  return Object.hasOwn(constants.signals, text);
}

/**
 * From now on a signal ends this process at once, together with everything below it (a compiler would go on for
 * minutes), after `cleanUp`. Returns how to undo it.
 */
export function endWholeAtSignals(cleanUp: () => void): () => void {
  const end = (signal: NodeJS.Signals): void => {
    for (const pid of descendants(process.pid)) signalProcess(pid, 'SIGKILL');
    cleanUp();
    process.exit(128 + signalNumber(signal));
  };
  return onSignals(end);
}

/**
 * Passes signals on to a child by `send`, and calls `kill` when it has not ended `graceMs` after the first: the caller
 * undoes this by what it returns once the child has ended.
 */
export function relaySignals(send: (signal: NodeJS.Signals) => void, kill: () => void, graceMs: number): () => void {
  let grace: NodeJS.Timeout | undefined;
  const undo = onSignals((signal) => {
    // The terminal has sent Ctrl-C to the child as well; a second one would mean something else to it.
    if (!(signal === 'SIGINT' && process.stdin.isTTY)) send(signal);
    grace ??= setTimeout(kill, graceMs);
  });
  return () => {
    undo();
    clearTimeout(grace);
  };
}

function onSignals(listener: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of ENDING_SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of ENDING_SIGNALS) process.off(signal, listener);
  };
}
