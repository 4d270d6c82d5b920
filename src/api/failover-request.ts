/** The `FailoverRequest` resource: a person's one-shot order, immutable. */
import { z } from 'zod';
import { DNS_LABEL, duration, objectName } from './fields.ts';
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

export const requestSpecSchema = z
  .object({
    databaseFailover: objectName('Name of the DatabaseFailover, in the namespace of this request.'),
    kind: z.enum(requestKinds).meta({ description: 'What to do; docs/requests.md says when each is allowed.' }),
    to: z
      .string()
      .min(1)
      .max(63)
      .regex(new RegExp(DNS_LABEL))
      .optional()
      .meta({ description: 'Member to promote or to route to.' }),
    accept: z
      .array(z.enum(['Unfenced', 'Loss', 'UnprovenTimeline']))
      .max(3)
      .optional()
      .meta({ description: 'Risks that a Failover request accepts.', 'x-kubernetes-list-type': 'set' }),
    at: z.string().max(64).optional().meta({ description: 'Not before this time (RFC 3339).', format: 'date-time' }),
    dryRun: z
      .boolean()
      .default(false)
      .meta({ description: 'True: only evaluate every guard and say what would happen.' }),
    ifEpoch: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .meta({ description: 'Only while status.epoch of the resource is this.' }),
    ttlAfterFinished: duration('The request is deleted this long after it finished.').default('24h'),
  })
  .meta({ description: 'The order; immutable.' });

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
      .array(z.string().max(512))
      .max(32)
      .optional()
      .meta({ description: 'What was evaluated and what it said.', 'x-kubernetes-list-type': 'atomic' }),
    epoch: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .meta({ description: 'Epoch of the attempt this request began.' }),
    finishedAt: z.string().max(64).optional().meta({ description: 'When it finished.', format: 'date-time' }),
  })
  .prefault({})
  .meta({ description: 'What became of the order.' });

export type RequestSpec = z.output<typeof requestSpecSchema>;
export type RequestStatus = z.output<typeof requestStatusSchema>;
