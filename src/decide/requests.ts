/** What becomes of a person's request: wait, finish with a reason, or begin an attempt. Pure, evaluated anew until it is finished. */
import type { RequestSpec } from '../api/failover-request.ts';
import type { MemberView } from '../api/verdict.ts';
import { type Observation, viewOf } from './observation.ts';
import { reasonNotRoutable } from './routability.ts';

export type RequestOutcome =
  | { readonly kind: 'Wait'; readonly reason: string; readonly message: string }
  | {
      readonly kind: 'Finish';
      readonly success: boolean;
      readonly reason: string;
      readonly message: string;
      readonly guards: readonly string[];
    }
  | {
      readonly kind: 'Begin';
      readonly attempt: 'ForceRoute' | 'Rebaseline';
      readonly to: string;
      readonly guards: readonly string[];
    };

export interface RequestContext {
  readonly observation: Observation;
  /** The members judged without any learned system identifier, for Rebaseline. */
  readonly unbiased: () => readonly MemberView[];
  /** status.epoch. */
  readonly epoch: number;
  /** Wall ms, compared with `at`. */
  readonly nowMs: number;
}

/** A guard that was evaluated: its sentence, and whether it lets the request pass. */
interface Guard {
  readonly passed: boolean;
  readonly reason: string;
  readonly message: string;
}

const finish = (success: boolean, reason: string, message: string, guards: readonly string[] = []): RequestOutcome => ({
  kind: 'Finish',
  success,
  reason,
  message,
  guards,
});

export function evaluateRequest(request: RequestSpec, context: RequestContext): RequestOutcome {
  if (request.kind !== 'ForceRoute' && request.kind !== 'Rebaseline') {
    return finish(
      false,
      'NotYetSupported',
      `requests of kind ${request.kind} are not supported by this version; ForceRoute and Rebaseline are`,
    );
  }
  if (request.to !== undefined && viewOf(context.observation, request.to) === null) {
    return finish(
      false,
      'UnknownMember',
      `to: ${request.to} is no member; the members are ${context.observation.members.map((member) => member.name).join(', ')}`,
    );
  }
  const atMs = request.at === undefined ? null : Date.parse(request.at);
  if (atMs !== null && context.nowMs < atMs) {
    return { kind: 'Wait', reason: 'Scheduled', message: `waits until ${request.at}` };
  }
  if (request.ifEpoch !== undefined && request.ifEpoch !== context.epoch) {
    return finish(
      false,
      'EpochChanged',
      `ifEpoch is ${request.ifEpoch}, but status.epoch is ${context.epoch}; look again`,
    );
  }
  if (context.observation.attemptUnderway) {
    return { kind: 'Wait', reason: 'AttemptUnderway', message: 'waits for the attempt under way to end' };
  }
  return request.kind === 'ForceRoute' ? forceRoute(request, context) : rebaseline(request, context);
}

function forceRoute(request: RequestSpec, { observation }: RequestContext): RequestOutcome {
  const target = viewOf(observation, request.to ?? null);
  if (target === null) return finish(false, 'UnknownMember', 'to is required for ForceRoute');
  // A quarantine is what ForceRoute may lift: the person says which history is the one to keep.
  const blocked = reasonNotRoutable(target, new Map());
  const guards: Guard[] = [
    foreignGuard(observation),
    {
      passed: target.writable && blocked === null,
      reason: 'TargetNotWritable',
      message: target.writable
        ? `${target.name} accepts writes`
        : `${target.name} does not accept writes: ${blocked ?? target.reason}; the read-write route never leads to such a member`,
    },
  ];
  if (
    observation.routed === target.name &&
    observation.splitBrain === null &&
    !observation.quarantined.has(target.name)
  ) {
    return finish(true, 'AlreadyRouted', `the routes lead to ${target.name} already`, guards.map(sentence));
  }
  return concluded(request, 'ForceRoute', target.name, guards);
}

function rebaseline(request: RequestSpec, { observation, unbiased }: RequestContext): RequestOutcome {
  const members = unbiased();
  const writers = members.filter((member) => member.writable);
  const [writer] = writers;
  const guards: Guard[] = [
    foreignGuard(observation),
    {
      passed: members.every((member) => member.asked),
      reason: 'NotAllAsked',
      message: 'every member was looked at once',
    },
    {
      passed: writers.length === 1,
      reason: writers.length === 0 ? 'NoWriter' : 'SeveralWriters',
      message:
        writers.length === 1
          ? `${writer?.name} is the one member that accepts writes`
          : writers.length === 0
            ? 'no member accepts writes; make one writable first'
            : `${writers.map((member) => member.name).join(', ')} accept writes; stop all but one, or use ForceRoute`,
    },
  ];
  return concluded(request, 'Rebaseline', writer?.name ?? '', guards);
}

function foreignGuard(observation: Observation): Guard {
  return {
    passed: observation.foreignEndpoints === null,
    reason: 'ForeignEndpoints',
    message: observation.foreignEndpoints ?? 'no foreign slice names the read-write Service',
  };
}

function concluded(
  request: RequestSpec,
  attempt: 'ForceRoute' | 'Rebaseline',
  to: string,
  guards: readonly Guard[],
): RequestOutcome {
  const failed = guards.find((guard) => !guard.passed);
  const sentences = guards.map(sentence);
  if (failed !== undefined) return finish(false, failed.reason, failed.message, sentences);
  if (request.dryRun) {
    return finish(true, 'DryRun', `dry run: every guard passes, the routes would lead to ${to}`, sentences);
  }
  return { kind: 'Begin', attempt, to, guards: sentences };
}

const sentence = (guard: Guard): string => `${guard.passed ? 'ok' : 'refused'} ${guard.reason}: ${guard.message}`;
