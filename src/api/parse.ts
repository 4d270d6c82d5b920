/**
 * From objects as the API server hands them out to typed resources. Tolerant where a CRD older or newer than the
 * operator makes it necessary: unknown fields are ignored, fields that an older CRD pruned get their defaults, and the
 * rules that an older CRD did not know are checked here.
 */
import { safeParse, type z } from 'zod';
import { databaseFailoverSchema, type Spec } from './database-failover.ts';
import {
  failoverRequestSchema,
  type RequestSpec,
  type RequestStatus,
  requestStatusSchema,
} from './failover-request.ts';
import { type Status, statusSchema } from './status.ts';

export interface Problem {
  /** As the API server writes it: `spec.members[0].port`. */
  readonly path: string;
  readonly message: string;
}

export type Parsed<SpecType, StatusType> =
  | {
      readonly ok: true;
      readonly spec: SpecType;
      readonly status: StatusType;
      /**
       * Parts of the status that could not be read and were left out, by path. A `status.attempt` here means that an
       * attempt may be under way which this operator does not understand.
       */
      readonly statusProblems: readonly Problem[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Never throws, whatever `object` is. */
export function parseDatabaseFailover(object: unknown): Parsed<Spec, Status> {
  const fields = recordOf(object);
  const result = databaseFailoverSchema.safeParse({ ...fields, status: {} });
  if (!result.success) return { ok: false, problems: problemsOf(result.error, []) };
  return { ok: true, spec: result.data.spec, ...salvage(statusSchema.unwrap(), fields.status) };
}

/** Never throws, whatever `object` is. */
export function parseFailoverRequest(object: unknown): Parsed<RequestSpec, RequestStatus> {
  const fields = recordOf(object);
  const result = failoverRequestSchema.safeParse({ ...fields, status: {} });
  if (!result.success) return { ok: false, problems: problemsOf(result.error, []) };
  return { ok: true, spec: result.data.spec, ...salvage(requestStatusSchema.unwrap(), fields.status) };
}

/**
 * Reads a status field by field: what a person wiped or another version wrote in its own way costs that field and not
 * the rest, for the epoch and the baseline in it matter more than a malformed condition.
 */
function salvage<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  status: unknown,
): { status: z.output<z.ZodObject<Shape>>; statusProblems: Problem[] } {
  const statusProblems: Problem[] = [];
  const readable: Record<string, unknown> = {};
  if (status !== undefined && !isRecord(status)) {
    statusProblems.push({ path: 'status', message: 'must be an object; it is read as empty' });
  }
  for (const [name, value] of Object.entries(recordOf(status))) {
    const field = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined;
    if (field === undefined) continue;
    const result = safeParse(field, value);
    if (result.success) readable[name] = value;
    else statusProblems.push(...problemsOf(result.error, ['status', name]));
  }
  return { status: schema.parse(readable), statusProblems };
}

function problemsOf(error: z.core.$ZodError, prefix: readonly PropertyKey[]): Problem[] {
  return error.issues.map((issue) => ({ path: pathText([...prefix, ...issue.path]), message: issue.message }));
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
