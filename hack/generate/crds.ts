/** The CRDs of both resources, made from the schemas in src/api. */
import { stringify } from 'yaml';
import type { z } from 'zod';
import { databaseFailoverSchema } from '../../src/api/database-failover.ts';
import { failoverRequestSchema } from '../../src/api/failover-request.ts';
import { GROUP, VERSION } from '../../src/api/resources.ts';
import type { GeneratedFile } from './generated-file.ts';
import { type StructuralSchema, structuralSchema } from './structural-schema.ts';

interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly jsonPath: string;
  readonly description: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 1;
}

interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly schema: z.ZodType;
  readonly columns: readonly PrinterColumn[];
}

const condition = (type: string, field: string) => `.status.conditions[?(@.type=="${type}")].${field}`;

const age: PrinterColumn = {
  name: 'Age',
  type: 'date',
  jsonPath: '.metadata.creationTimestamp',
  description: 'Time since it was created.',
};

const databaseFailover: Kind = {
  kind: 'DatabaseFailover',
  plural: 'databasefailovers',
  singular: 'databasefailover',
  shortName: 'dbf',
  schema: databaseFailoverSchema,
  columns: [
    {
      name: 'Ready',
      type: 'string',
      jsonPath: condition('Ready', 'status'),
      description: 'Whether applications are served as the spec wants it.',
    },
    {
      name: 'Primary',
      type: 'string',
      jsonPath: '.status.primary',
      description: 'Member behind the read-write route.',
    },
    { name: 'Up', type: 'string', jsonPath: '.status.up', description: 'Members that answer, of all.' },
    {
      name: 'Reason',
      type: 'string',
      jsonPath: condition('Ready', 'reason'),
      description: 'Why it is ready or not.',
    },
    age,
    {
      name: 'Epoch',
      type: 'integer',
      jsonPath: '.status.epoch',
      description: 'Epoch of the published route.',
      priority: 1,
    },
    { name: 'Lag', type: 'string', jsonPath: '.status.lag', description: 'Largest lag in the read set.', priority: 1 },
  ],
};

const failoverRequest: Kind = {
  kind: 'FailoverRequest',
  plural: 'failoverrequests',
  singular: 'failoverrequest',
  shortName: 'dbfr',
  schema: failoverRequestSchema,
  columns: [
    { name: 'Kind', type: 'string', jsonPath: '.spec.kind', description: 'What to do.' },
    { name: 'To', type: 'string', jsonPath: '.spec.to', description: 'Member it is about.' },
    {
      name: 'Complete',
      type: 'string',
      jsonPath: condition('Complete', 'status'),
      description: 'Whether it has been carried out.',
    },
    { name: 'Reason', type: 'string', jsonPath: '.status.reason', description: 'The outcome in a word.' },
    age,
    {
      name: 'Resource',
      type: 'string',
      jsonPath: '.spec.databaseFailover',
      description: 'DatabaseFailover it is about.',
      priority: 1,
    },
  ],
};

export const kinds: readonly Kind[] = [databaseFailover, failoverRequest];

/** Root schema of a kind, with the fields that every Kubernetes object has. */
export function rootSchema(kind: Kind): StructuralSchema {
  const { properties, required, ...root } = structuralSchema(kind.schema);
  return {
    ...root,
    required: (required ?? []).filter((field) => field !== 'metadata'),
    properties: {
      apiVersion: { description: `Version of the schema: ${GROUP}/${VERSION}.`, type: 'string' },
      kind: { description: `${kind.kind}.`, type: 'string' },
      ...properties,
      metadata: { type: 'object' },
    },
  };
}

export function crd(kind: Kind) {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: 'Namespaced',
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        shortNames: [kind.shortName],
        categories: ['databases'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns,
          schema: { openAPIV3Schema: rootSchema(kind) },
        },
      ],
    },
  };
}

export function crdFiles(): GeneratedFile[] {
  return kinds.map((kind) => ({
    path: `crds/${GROUP}_${kind.plural}.yaml`,
    text: `# Generated from src/api by: npm run generate\n${stringify(crd(kind), { aliasDuplicateObjects: false, lineWidth: 120 })}`,
  }));
}
