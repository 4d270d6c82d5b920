/** The `FailoverRequest` resource: a person's one-shot order, immutable. */
import { z } from 'zod';
import { count, duration, memberName, objectName, time } from './fields.ts';
import { type Rule, withRules } from './rules.ts';
import { conditionSchema } from './status.ts';

export const requestKinds = [
  'Switchover',
  'Failover',
  'Acknowledge',
  'Abort',
  'Retry',
  'ForceRoute',
  'Rebaseline',
] as const;
export type RequestKind = (typeof requestKinds)[number];

/** Kinds that name the member they are about. */
const KINDS_WITH_TARGET: readonly RequestKind[] = ['Switchover', 'Failover', 'ForceRoute'];
/** Kinds that a person plans ahead; the others answer to what is so now. */
const KINDS_WITH_TIME: readonly RequestKind[] = ['Switchover', 'ForceRoute'];
/** Kinds whose guards are worth asking without acting. */
const KINDS_WITH_DRY_RUN: readonly RequestKind[] = ['Switchover', 'Failover', 'ForceRoute', 'Rebaseline'];

const celList = (kinds: readonly RequestKind[]) => `['${kinds.join("', '")}']`;
const wordList = (kinds: readonly RequestKind[]) => `${kinds.slice(0, -1).join(', ')} and ${kinds.at(-1)}`;

const requestSpecFields = z.object({
  databaseFailover: objectName('Name of the DatabaseFailover, in the namespace of this request.'),
  kind: z.enum(requestKinds).meta({
    description: `${requestKinds.slice(0, -1).join(', ')} or ${requestKinds.at(-1)}; docs/requests.md says when each is allowed. This version answers all but ForceRoute and Rebaseline with NotYetSupported.`,
  }),
  to: memberName('Member to promote (Switchover, Failover) or to route to (ForceRoute).').optional(),
  accept: z
    .array(
      z.enum(['Unfenced', 'Loss', 'UnprovenTimeline']).meta({ description: 'Unfenced, Loss or UnprovenTimeline.' }),
    )
    .max(3)
    .refine((risks) => new Set(risks).size === risks.length, { message: 'a risk stands there twice' })
    .optional()
    .meta({
      description:
        'Risks that a Failover accepts: an old primary that may still write, loss beyond maxLoss, a timeline not proven to descend.',
      'x-kubernetes-list-type': 'set',
    }),
  at: time('Not before this time (RFC 3339); absent: now.')
    .refine((text) => !Number.isNaN(Date.parse(text)), { message: 'must be a time such as 2026-12-01T12:00:00Z' })
    .optional(),
  dryRun: z
    .boolean()
    .default(false)
    .meta({ description: 'True: only evaluate every guard and say what would happen.' }),
  ifEpoch: count('Only while status.epoch of the resource is this.').optional(),
  ttlAfterFinished: duration('The request is deleted this long after it finished.', {
    min: '0s',
    max: '8760h',
  }).default('24h'),
});

export type RequestSpec = z.output<typeof requestSpecFields>;

const requestRules: readonly Rule<RequestSpec>[] = [
  {
    rule: 'self == oldSelf',
    message: 'a request may not be changed; delete it (which cancels it) and create another',
    reason: 'FieldValueForbidden',
    holds: () => true, // a parser sees one version only
  },
  {
    rule: `!(self.kind in ${celList(KINDS_WITH_TARGET)}) || has(self.to)`,
    message: `to is required for ${wordList(KINDS_WITH_TARGET)}; name a member of the resource`,
    fieldPath: '.to',
    reason: 'FieldValueRequired',
    holds: ({ kind, to }) => !KINDS_WITH_TARGET.includes(kind) || to !== undefined,
  },
  {
    rule: `self.kind in ${celList(KINDS_WITH_TARGET)} || !has(self.to)`,
    message: `to may be set only for ${wordList(KINDS_WITH_TARGET)}; remove it`,
    fieldPath: '.to',
    reason: 'FieldValueForbidden',
    holds: ({ kind, to }) => KINDS_WITH_TARGET.includes(kind) || to === undefined,
  },
  {
    rule: "self.kind == 'Failover' || !has(self.accept)",
    message: 'accept may be set only for Failover; remove it',
    fieldPath: '.accept',
    reason: 'FieldValueForbidden',
    holds: ({ kind, accept }) => kind === 'Failover' || accept === undefined,
  },
  {
    rule: `self.kind in ${celList(KINDS_WITH_TIME)} || !has(self.at)`,
    message: `at may be set only for ${wordList(KINDS_WITH_TIME)}; remove it, the request then acts now`,
    fieldPath: '.at',
    reason: 'FieldValueForbidden',
    holds: ({ kind, at }) => KINDS_WITH_TIME.includes(kind) || at === undefined,
  },
  {
    rule: `self.kind in ${celList(KINDS_WITH_DRY_RUN)} || !self.dryRun`,
    message: `dryRun may be true only for ${wordList(KINDS_WITH_DRY_RUN)}; remove it`,
    fieldPath: '.dryRun',
    reason: 'FieldValueForbidden',
    holds: ({ kind, dryRun }) => KINDS_WITH_DRY_RUN.includes(kind) || !dryRun,
  },
];

export const requestSpecSchema = withRules(requestSpecFields, { description: 'The order; immutable.' }, requestRules);

export const requestStatusSchema = z
  .object({
    observedGeneration: z
      .int()
      .min(-1)
      .max(Number.MAX_SAFE_INTEGER)
      .default(-1)
      .meta({ description: 'Generation this status speaks of.' }),
    conditions: z
      .array(conditionSchema)
      .max(8)
      .optional()
      .meta({
        description: 'Accepted and Complete.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['type'],
      }),
    reason: z.string().max(64).optional().meta({ description: 'CamelCase word for the outcome.' }),
    message: z.string().max(2048).optional().meta({ description: 'The outcome in words.' }),
    guards: z
      .array(z.string().max(512).meta({ description: 'One guard and what it said.' }))
      .max(32)
      .optional()
      .meta({ description: 'What was evaluated and what it said.', 'x-kubernetes-list-type': 'atomic' }),
    epoch: count('Epoch of the attempt this request began.').optional(),
    finishedAt: time('When it finished.').optional(),
  })
  .prefault({})
  .meta({ description: 'What became of the order.' });

export const failoverRequestSchema = z.object({ spec: requestSpecSchema, status: requestStatusSchema }).meta({
  description:
    'FailoverRequest is a person’s one-shot order to the operator about one DatabaseFailover; deleting it cancels it.',
});

export type RequestStatus = z.output<typeof requestStatusSchema>;
