/** The log: one JSON object per line, a constant message, facts as fields. */
import { type DestinationStream, pino } from 'pino';
import type { Log, LogFields } from '../ports/telemetry.ts';
import { loggable, withoutSecrets } from './redaction.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * info: state changed; warn: a person may care; error: we broke. Errors go under `err`. Lines go to standard output
 * unless `destination` says otherwise.
 */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: 'message',
    // `loggable` has made a plain object of it already; pino's own would read it as an error again.
    serializers: { err: (fields: unknown) => fields },
  };
  const root = destination === undefined ? pino(options) : pino(options, destination);
  const line = (at: LogLevel) => (fields: LogFields, message: string) => {
    if (root.isLevelEnabled(at)) root[at](loggable(fields), withoutSecrets(message));
  };
  return { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') };
}
