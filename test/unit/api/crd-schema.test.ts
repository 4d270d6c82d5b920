/** The generated CRDs: complete, structural, safe to write by hand, and equal to their source. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { generatedFiles } from '../../../hack/generate/catalogue.ts';
import { crd, crdFiles, kinds, rootSchema } from '../../../hack/generate/crds.ts';
import { hasDrifted } from '../../../hack/generate/generated-file.ts';
import type { StructuralSchema } from '../../../hack/generate/structural-schema.ts';

interface Node {
  readonly path: string;
  readonly schema: StructuralSchema;
}

/** Every schema below and including `schema`. */
function walk(schema: StructuralSchema, path: string): Node[] {
  return [
    { path, schema },
    ...Object.entries(schema.properties ?? {}).flatMap(([name, property]) => walk(property, `${path}.${name}`)),
    ...(schema.items === undefined ? [] : walk(schema.items, `${path}[]`)),
    ...(schema.additionalProperties === undefined ? [] : walk(schema.additionalProperties, `${path}.*`)),
  ];
}

/** Everything in spec and status of both kinds; the rest of the object is Kubernetes' own. */
const nodes = kinds.flatMap((kind) =>
  walk(rootSchema(kind), kind.kind).filter(({ path }) => /\.(spec|status)\b/.test(path)),
);

function isBounded({ schema }: Node): boolean {
  const isMap = schema.additionalProperties !== undefined || schema['x-kubernetes-preserve-unknown-fields'] === true;
  if (schema['x-kubernetes-int-or-string'] === true)
    return schema.maximum !== undefined && schema.maxLength !== undefined;
  switch (schema.type) {
    case 'string':
      return schema.enum !== undefined || schema.maxLength !== undefined;
    case 'integer':
    case 'number':
      return schema.minimum !== undefined && (schema.maximum !== undefined || schema.format === 'int64');
    case 'array':
      return schema.maxItems !== undefined && schema['x-kubernetes-list-type'] !== undefined;
    case 'object':
      return isMap ? schema.maxProperties !== undefined : schema.properties !== undefined;
    default:
      return schema.type === 'boolean';
  }
}

test('there are fields to look at', () => {
  expect(nodes.length).toBeGreaterThan(150);
});

test('every field has a description that ends like a sentence', () => {
  expect(nodes.filter(({ schema }) => !/[.]$/.test(schema.description ?? '')).map(({ path }) => path)).toEqual([]);
});

test('every field has a bound', () => {
  expect(nodes.filter((node) => !isBounded(node)).map(({ path }) => path)).toEqual([]);
});

test('no value that a person writes is a boolean or null in YAML 1.1', () => {
  const values = nodes
    .filter(({ path }) => path.includes('.spec'))
    .flatMap(({ schema }) => schema.enum ?? [])
    .filter((value) => typeof parse(value, { version: '1.1' }) !== 'string');
  expect(values).toEqual([]);
  expect(parse('Off', { version: '1.1' })).toBe(false); // the parser used here does know them
});

test('an object whose fields all have defaults has the default {}, else they would never appear', () => {
  const missing = nodes.filter(({ schema }) => {
    const fields = Object.values(schema.properties ?? {});
    const hasDefaults = fields.some((field) => field.default !== undefined);
    return hasDefaults && (schema.required ?? []).length === 0 && schema.default === undefined;
  });
  expect(missing.map(({ path }) => path)).toEqual([]);
});

test('no object with a default carries rules: the API server would check them before the defaults inside exist', () => {
  const ruled = nodes.filter(
    ({ schema }) => schema.type === 'object' && schema.default !== undefined && schema['x-kubernetes-validations'],
  );
  expect(ruled.map(({ path }) => path)).toEqual([]);
});

test('every rule blames and remedies: its message is a sentence, never the expression', () => {
  for (const { schema, path } of nodes) {
    for (const { message, rule } of schema['x-kubernetes-validations'] ?? []) {
      expect(message.length, path).toBeGreaterThan(15);
      expect(message).not.toContain('self.');
      expect(rule.length, path).toBeLessThan(1000);
    }
  }
});

describe('the printer columns', () => {
  test.each([
    ['DatabaseFailover', ['Ready', 'Primary', 'Up', 'Reason', 'Age', 'Epoch*', 'Lag*']],
    ['FailoverRequest', ['Kind', 'To', 'Complete', 'Reason', 'Age', 'Resource*']],
  ])('of %s are those of the design, * with -o wide', (name, columns) => {
    const kind = kinds.find((candidate) => candidate.kind === name);
    expect(kind?.columns.map((column) => `${column.name}${column.priority === 1 ? '*' : ''}`)).toEqual(columns);
  });
});

describe('the generated files', () => {
  test.each(generatedFiles())('$path is what its source says', async (file) => {
    expect(await hasDrifted(file), 'run: npm run generate').toBe(false);
  });

  test('drift is noticed, and so is a file that is not there', async () => {
    const [file] = crdFiles();
    if (file === undefined) throw new Error('no CRD');
    expect(await hasDrifted({ ...file, text: `${file.text}#` })).toBe(true);
    expect(await hasDrifted({ ...file, path: 'crds/absent.yaml' })).toBe(true);
  });

  test.each(kinds.map((kind, index) => [kind.kind, index] as const))(
    '%s reads the same by YAML 1.1 and 1.2',
    (_, i) => {
      const [kind, file] = [kinds[i], crdFiles()[i]];
      if (kind === undefined || file === undefined) throw new Error('no CRD');
      expect(parse(file.text, { version: '1.1' })).toEqual(parse(file.text));
      expect(parse(file.text)).toEqual(JSON.parse(JSON.stringify(crd(kind))));
    },
  );
});
