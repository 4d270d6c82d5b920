/**
 * Resources that never parsed, which the API server can only let through when its CRD is older than the operator: they
 * get a status that names the fields, and nothing else is done for them.
 */
import type { parseDatabaseFailover } from '../api/parse.ts';
import { type Status, statusSchema } from '../api/status.ts';
import type { KubeObject, ObjectKey } from '../ports/kube.ts';
import { buildInvalidStatus, invalidSpec } from '../report/status.ts';
import type { Environment } from './environment.ts';
import { writeConditions } from './status-writer.ts';

export interface InvalidReporter {
  report(object: KubeObject, parsed: ReturnType<typeof parseDatabaseFailover>): void;
  forget(key: string): void;
  stop(): void;
}

export function createInvalidReporter(env: Environment): InvalidReporter {
  const stopping = new AbortController();
  const reported = new Map<string, number>();
  const measured = new Map<string, ObjectKey>();

  const statusOf = (
    object: KubeObject,
    problems: readonly { readonly path: string; readonly message: string }[],
  ): Status | null => {
    const [first, ...rest] = invalidSpec(problems);
    if (first === undefined) return null;
    return buildInvalidStatus({
      generation: object.metadata.generation ?? 0,
      previous: statusSchema.parse({}),
      nowMs: env.clock.now(),
      problems: [first, ...rest],
    });
  };

  return {
    report: (object, parsed) => {
      const { namespace = '', name = '', generation = 0 } = object.metadata;
      const key = `${namespace}/${name}`;
      const status = parsed.ok ? null : statusOf(object, parsed.problems);
      if (status === null) return;
      // By each replica: no pass tells it again when another begins to lead.
      measured.set(key, { namespace, name });
      env.telemetry.reported({ namespace, name }, status.conditions ?? []);
      if (reported.get(key) === generation || !env.leadership.isLeader()) return;
      reported.set(key, generation);
      writeConditions(env.kube, object, status, stopping.signal).catch((error: unknown) => {
        reported.delete(key);
        if (stopping.signal.aborted) return;
        env.log.warn(
          { namespace, name, error: error instanceof Error ? error.message : 'unknown' },
          'invalid resource could not be reported',
        );
      });
    },
    forget: (key) => {
      reported.delete(key);
      const known = measured.get(key);
      if (known !== undefined) env.telemetry.forget(known);
      measured.delete(key);
    },
    stop: () => stopping.abort(),
  };
}
