/** The log: one JSON object per line, a constant message, facts as fields. */
import { type DestinationStream, type Logger, pino } from 'pino';
import { loggable, withoutSecrets } from './redaction.ts';

export const logLevels = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, unknown>>;

/** info: state changed; warn: a person may care; error: we broke. Errors go under `err`. Nothing here throws. */
export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A log that adds `fields` to every line. */
  child(fields: LogFields): Log;
}

/** Lines go to standard output unless `destination` says otherwise. */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: 'message',
    errorKey: 'err',
  };
  const root = destination === undefined ? pino(options) : pino(options, destination);
  return logTo(root, {});
}

function logTo(root: Logger, bound: LogFields): Log {
  const line = (level: LogLevel) => (fields: LogFields, message: string) => {
    if (root.isLevelEnabled(level)) root[level](loggable({ ...bound, ...fields }), withoutSecrets(message));
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => logTo(root, { ...bound, ...fields }),
  };
}
