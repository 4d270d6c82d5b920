/**
 * From zod's JSON schema to what the API server accepts in a CRD: a structural schema. Every keyword is named below,
 * so that a construct which cannot be expressed there fails the generator and not the cluster.
 */
import { z } from 'zod';

const keywords = {
  description: z.string().optional(),
  format: z.string().optional(),
  default: z.unknown().optional(),
  enum: z.array(z.string()).optional(),
  minLength: z.int().optional(),
  maxLength: z.int().optional(),
  pattern: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minItems: z.int().optional(),
  maxItems: z.int().optional(),
  maxProperties: z.int().optional(),
  required: z.array(z.string()).optional(),
  'x-kubernetes-list-type': z.enum(['map', 'set', 'atomic']).optional(),
  'x-kubernetes-list-map-keys': z.array(z.string()).optional(),
  'x-kubernetes-int-or-string': z.literal(true).optional(),
  'x-kubernetes-preserve-unknown-fields': z.literal(true).optional(),
  'x-kubernetes-validations': z
    .array(
      z.strictObject({
        rule: z.string(),
        message: z.string(),
        fieldPath: z.string().optional(),
        reason: z.string().optional(),
      }),
    )
    .optional(),
};

const types = z.enum(['object', 'array', 'string', 'integer', 'number', 'boolean']);

type Keywords = { readonly [Name in keyof typeof keywords]?: z.output<(typeof keywords)[Name]> };

/** What zod may emit. */
interface Emitted extends Keywords {
  readonly $schema?: string | undefined;
  readonly type?: z.output<typeof types> | undefined;
  /** Only of sizes, which carry `x-kubernetes-int-or-string` instead. */
  readonly anyOf?: unknown[] | undefined;
  /** Forbidden in CRDs; rules check the keys. */
  readonly propertyNames?: unknown;
  readonly properties?: Record<string, Emitted> | undefined;
  readonly items?: Emitted | undefined;
  readonly additionalProperties?: Emitted | undefined;
}

const emitted: z.ZodType<Emitted> = z.lazy(() =>
  z.strictObject({
    ...keywords,
    $schema: z.string().optional(),
    type: types.optional(),
    anyOf: z.array(z.unknown()).optional(),
    propertyNames: z.unknown().optional(),
    properties: z.record(z.string(), emitted).optional(),
    items: emitted.optional(),
    additionalProperties: emitted.optional(),
  }),
);

export interface StructuralSchema extends Keywords {
  readonly type?: z.output<typeof types>;
  readonly anyOf?: readonly { readonly type: string }[];
  readonly properties?: Readonly<Record<string, StructuralSchema>>;
  readonly items?: StructuralSchema;
  readonly additionalProperties?: StructuralSchema;
}

/** The schema of what a person writes: fields with a default are optional. */
export function structuralSchema(schema: z.ZodType): StructuralSchema {
  return convert(emitted.parse(z.toJSONSchema(schema, { io: 'input', target: 'openapi-3.0' })));
}

function convert(source: Emitted): StructuralSchema {
  const { $schema, anyOf, propertyNames, type, properties, items, additionalProperties, description, ...rest } = source;
  const isIntOrString = rest['x-kubernetes-int-or-string'] === true;
  if (anyOf !== undefined && !isIntOrString) throw new Error(`anyOf is not structural: ${description ?? ''}`);
  const isMap = additionalProperties !== undefined && rest['x-kubernetes-preserve-unknown-fields'] !== true;
  return {
    ...(description === undefined ? {} : { description: sentences(source, description) }),

    ...(isIntOrString ? { anyOf: [{ type: 'integer' }, { type: 'string' }] } : {}),
    ...(type === undefined ? {} : { type }),
    ...boundsOf(rest),
    ...(items === undefined ? {} : { items: convert(items) }),
    ...(isMap ? { additionalProperties: convert(additionalProperties) } : {}),
    ...(properties === undefined || Object.keys(properties).length === 0 ? {} : { properties: convertAll(properties) }),
  };
}

function convertAll(properties: Readonly<Record<string, Emitted>>): Record<string, StructuralSchema> {
  return Object.fromEntries(Object.entries(properties).map(([name, property]) => [name, convert(property)]));
}

/** `kubectl explain` prints neither bounds nor defaults, so the description says them. */
function sentences({ minimum, maximum, default: value }: Emitted, description: string): string {
  const isRange = minimum !== undefined && maximum !== undefined && maximum < 2 ** 31;
  const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  const isList = Array.isArray(value) && value.length > 0;
  return [
    description,
    ...(isRange ? [`From ${minimum} to ${maximum}.`] : []),
    ...((isPlain && value !== -1) || isList ? [`Default: ${value}.`] : []),
  ].join(' ');
}

/** 2^53-1 bounds every whole number of JavaScript; a reader of the CRD learns more from `int64`. */
function boundsOf(fields: Keywords): Keywords {
  const { maximum, ...others } = fields;
  if (maximum === undefined) return others;
  return maximum === Number.MAX_SAFE_INTEGER ? { ...others, format: 'int64' } : fields;
}
