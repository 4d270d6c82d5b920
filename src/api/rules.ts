/** Validation rules in two tongues: CEL for the API server, TypeScript for a CRD that is older than the operator. */
import type { z } from 'zod';

/** One CEL rule as CRDs write it (`x-kubernetes-validations`). */
export interface ValidationRule {
  readonly rule: string;
  /** What is wrong and the remedy; the API server puts the field's path before it. */
  readonly message: string;
  /** Field to blame, relative to the schema that carries the rule, e.g. `.detection.timeout`. */
  readonly fieldPath?: string;
  /** Default: the API server says `Invalid value`. With `FieldValueDuplicate` it would drop the message. */
  readonly reason?: 'FieldValueRequired' | 'FieldValueForbidden';
}

export interface Rule<T> extends ValidationRule {
  /** The same claim as `rule`, about a value whose defaults are filled in. */
  readonly holds: (self: T) => boolean;
}

export const VALIDATIONS = 'x-kubernetes-validations';

/** Describes `schema` and attaches `rules` both to its JSON schema and to its parser. */
export function withRules<S extends z.ZodType>(
  schema: S,
  meta: Readonly<Record<string, unknown>> & { readonly description: string },
  rules: readonly Rule<z.output<S>>[],
): S {
  const checked = schema.superRefine((value, context) => {
    for (const rule of rules) {
      if (!rule.holds(value))
        context.addIssue({ code: 'custom', message: rule.message, path: segments(rule.fieldPath) });
    }
  });
  return checked.meta({ ...meta, [VALIDATIONS]: rules.map(asValidation) });
}

/** For lists that the API server already keeps unique by `x-kubernetes-list-map-keys`. */
export function namesAreUnique(list: readonly { readonly name: string }[]): boolean {
  return new Set(list.map((entry) => entry.name)).size === list.length;
}

function asValidation({ rule, message, fieldPath, reason }: ValidationRule): ValidationRule {
  return {
    rule,
    message,
    ...(fieldPath === undefined ? {} : { fieldPath }),
    ...(reason === undefined ? {} : { reason }),
  };
}

function segments(fieldPath = ''): string[] {
  return fieldPath.split('.').filter((segment) => segment !== '');
}
