/** docs/reference.md: every field of both resources, from the same schemas as the CRDs. */
import { GROUP, VERSION } from '../../src/api/resources.ts';
import { kinds, rootSchema } from './crds.ts';
import type { GeneratedFile } from './generated-file.ts';
import type { StructuralSchema } from './structural-schema.ts';

interface Field {
  readonly path: string;
  readonly schema: StructuralSchema;
  readonly required: boolean;
}

export function referenceFile(): GeneratedFile {
  const sections = kinds.map((kind) => {
    const root = rootSchema(kind);
    return [
      `## ${kind.kind}`,
      root.description ?? '',
      `\`kubectl get ${kind.shortName}\` prints ${kind.columns
        .filter((column) => column.priority === undefined)
        .map((column) => column.name)
        .join(', ')}; with \`-o wide\` also ${kind.columns
        .filter((column) => column.priority === 1)
        .map((column) => column.name)
        .join(', ')}.`,
      ...['spec', 'status'].flatMap((part) => [`### ${kind.kind} ${part}`, table(root, part)]),
      `### What the API server refuses`,
      `Beside what breaks the types and bounds above, with these messages:`,
      refusals(root),
    ].join('\n\n');
  });
  return {
    path: 'docs/reference.md',
    text: [
      '<!-- Generated from src/api by: npm run generate -->',
      '# Fields of the resources',
      `Group \`${GROUP}\`, version \`${VERSION}\`. \`*\` marks required fields, \`[]\` the entries of a list, \`.*\` the values of a map. \`kubectl explain\` shows the same.`,
      ...sections,
      '',
    ].join('\n\n'),
  };
}

function table(root: StructuralSchema, part: string): string {
  const rows = fieldsOf(root, '', '')
    .filter(({ path }) => path.startsWith(`${part}.`))
    .map(
      ({ path, schema, required }) =>
        `| \`${path}\`${required ? ' *' : ''} | ${typeOf(schema)} | ${boundsOf(schema)} | ${cell(schema.description ?? '')} |`,
    );
  return ['| Field | Type | Bounds | Meaning |', '|---|---|---|---|', ...rows].join('\n');
}

/** All fields below `schema`, depth first. */
function fieldsOf(schema: StructuralSchema, path: string, separator: string): Field[] {
  const required = new Set(schema.required ?? []);
  return [
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
      const own = `${path}${separator}${name}`;
      return [{ path: own, schema: property, required: required.has(name) }, ...fieldsOf(property, own, '.')];
    }),
    ...(schema.items === undefined ? [] : fieldsOf(schema.items, `${path}[]`, '.')),
    ...(schema.additionalProperties === undefined
      ? []
      : [
          { path: `${path}.*`, schema: schema.additionalProperties, required: false },
          ...fieldsOf(schema.additionalProperties, `${path}.*`, '.'),
        ]),
  ];
}

function typeOf(schema: StructuralSchema): string {
  if (schema['x-kubernetes-int-or-string'] === true) return 'integer or string';
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}s`;
  if (schema.additionalProperties !== undefined) return `map of ${typeOf(schema.additionalProperties)}s`;
  return schema.format === 'date-time' ? 'time' : (schema.type ?? 'any');
}

function boundsOf(schema: StructuralSchema): string {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, maxProperties } = schema;
  const values = schema.enum ?? schema.items?.enum;
  return [
    ...(values === undefined ? [] : [values.map((value) => `\`${value}\``).join(', ')]),
    ...(maximum === undefined ? range(minimum, undefined, '') : []), // the meaning says those with both ends
    ...(schema.format === 'date-time' ? [] : range(minLength, maxLength, ' characters')),
    ...range(minItems, maxItems, ' entries'),
    ...range(undefined, maxProperties, ' keys'),
  ].join('; ');
}

function range(min: number | undefined, max: number | undefined, unit: string): string[] {
  if (min === undefined && max === undefined) return [];
  if (max === undefined) return [`at least ${min}${unit}`];
  return [min === undefined ? `at most ${max}${unit}` : `${min} to ${max}${unit}`];
}

/** What durations and sizes look like stands in their meaning; the rules that tell are left out. */
function refusals(root: StructuralSchema): string {
  const everywhere = [{ path: '', schema: root, required: true }, ...fieldsOf(root, '', '')];
  return everywhere
    .flatMap(({ path, schema }) => [
      ...claims(schema, path),
      ...(schema.items === undefined ? [] : claims(schema.items, `${path}[]`)),
    ])
    .filter((line, index, lines) => lines.indexOf(line) === index)
    .join('\n');
}

function claims(schema: StructuralSchema, path: string): string[] {
  const isValue = schema.type === 'string' || schema['x-kubernetes-int-or-string'] === true;
  return (schema['x-kubernetes-validations'] ?? []).flatMap((rule) =>
    isValue && !path.endsWith('.url')
      ? []
      : [`- \`${`${path}${rule.fieldPath ?? ''}` || 'metadata.name'}\`: ${rule.message}`],
  );
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
