/** The process: command line, signals, exit codes. */
import { readCommandLine } from './config.ts';
import { startOperator } from './operator.ts';
import { createLog } from './telemetry/log.ts';

/** A pod gets 30 s by default; the work ends long before. */
const STOP_MS = 10_000;

async function main(): Promise<void> {
  // A stray PG* variable of the pod must not redirect a probe.
  for (const name of Object.keys(process.env)) if (name.startsWith('PG')) delete process.env[name];
  const command = readCommandLine(process.argv.slice(2));
  if (command.kind === 'Leave') {
    (command.exitCode === 0 ? process.stdout : process.stderr).write(command.text);
    process.exitCode = command.exitCode;
    return;
  }
  const { config } = command;
  const log = createLog(config.logLevel);
  const leave = (code: number, message: string): never => {
    log.error({ code }, message);
    process.exit(code);
  };
  process.on('uncaughtException', (error) => leave(1, `uncaught exception: ${error.message}`));
  process.on('unhandledRejection', (reason) =>
    leave(1, `unhandled rejection: ${reason instanceof Error ? reason.message : 'unknown'}`),
  );
  log.info({ version: config.version, namespaces: config.namespaces ?? 'all', node: process.version }, 'starting');
  const operator = await startOperator(config, log, () => leave(1, 'work did not stop after the lease was lost'));
  log.info({ host: operator.server.host, port: operator.server.port }, 'listening');
  let stopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => leave(1, 'did not stop in time'), STOP_MS).unref();
    void operator.stop().then(() => {
      log.info({}, 'stopped');
      process.exit(0);
    });
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

main().catch((error: unknown) => {
  process.stderr.write(`error: ${error instanceof Error ? error.message : 'unknown'}\n`);
  process.exit(1);
});
