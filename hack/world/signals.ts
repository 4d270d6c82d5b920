import { constants } from 'node:os';

export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

export function isSignal(text: string): text is NodeJS.Signals {
  return Object.hasOwn(constants.signals, text);
}
