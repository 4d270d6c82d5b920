/** Schemas of what others carry out for the operator: Jobs and webhooks that promote or fence. */
import { z } from 'zod';
import { authorityReference, duration, secretReference } from './fields.ts';
import { type Rule, withRules } from './rules.ts';

/** A part of a Job that the API server checks when the Job is made, not before. */
const free = (description: string) =>
  z.looseObject({}).meta({ description, 'x-kubernetes-preserve-unknown-fields': true, maxProperties: 64 });

const jobSchema = z
  .object({
    template: z
      .object({
        metadata: free('Labels and annotations of the Job, as in a batch/v1 JobTemplateSpec.').optional(),
        spec: free(
          'Spec of the Job, as in batch/v1. Its ServiceAccount must carry the label dbfailover.dev/hook=allowed.',
        ),
      })
      .meta({
        description:
          'The Job to create (a batch/v1 JobTemplateSpec); it is told the attempt, the member and the epoch by environment variables.',
      }),
    timeout: duration('How long the Job may take, waiting in the queue included.', { min: '1s', max: '1h' }).default(
      '5m',
    ),
  })
  .meta({ description: 'A Job that the operator creates in the namespace of this resource, once per epoch.' });

const webhookSchema = z
  .object({
    url: withRules(
      z.string().min(1).max(2048),
      { description: 'Address of the webhook, https only. The epoch in the request is its idempotency key.' },
      [
        {
          rule: "self.matches('^https://[^/?#@[:space:]]+([/?#][^[:space:]]*)?$')",
          message: 'must be an https:// address without user or password; put the key into secretRef',
          holds: (url) => /^https:\/\/[^/?#@\s]+([/?#]\S*)?$/.test(url),
        },
      ],
    ),
    secretRef: secretReference('Secret whose key hmac-key signs each request (HMAC-SHA256).').optional(),
    caRef: authorityReference(
      'PEM bundle of the authorities to trust; default: the public authorities the operator’s image knows.',
    ).optional(),
    timeout: duration(
      'Bound on one request. A webhook may answer “in progress” and is then asked again, for 15 minutes at most.',
      { min: '100ms', max: '5m' },
    ).default('10s'),
  })
  .meta({ description: 'A webhook that the operator calls; it may be asked twice for the same epoch.' });

interface Hook {
  readonly method: string;
  readonly job?: unknown;
  readonly webhook?: unknown;
}

/** `method` says which of `job` and `webhook` must be there, and that the other must not. */
export const hookRules = (self: string, field: string): Rule<Hook>[] =>
  (
    [
      ['job', 'Job'],
      ['webhook', 'Webhook'],
    ] as const
  ).flatMap(([part, method]) => [
    {
      rule: `${self}.method != '${method}' || has(${self}.${part})`,
      message: `${field}${part} is required when ${field}method is ${method}; add it or choose another method`,
      fieldPath: `.${field}${part}`,
      reason: 'FieldValueRequired',
      holds: (hook) => hook.method !== method || hook[part] !== undefined,
    },
    {
      rule: `${self}.method == '${method}' || !has(${self}.${part})`,
      message: `${field}${part} may be set only when ${field}method is ${method}; remove it or set method: ${method}`,
      fieldPath: `.${field}${part}`,
      reason: 'FieldValueForbidden',
      holds: (hook) => hook.method === method || hook[part] === undefined,
    },
  ]);

/** Its rules stand at `spec` (`hookRules`): a rule on an object with `default: {}` makes the API server refuse the CRD. */
export const promotionSchema = z
  .object({
    method: z.enum(['SQL', 'Job', 'Webhook']).default('SQL').meta({
      description:
        'SQL (pg_promote on the chosen standby), Job or Webhook, for servers that only their provider’s API promotes.',
    }),
    job: jobSchema.optional(),
    webhook: webhookSchema.optional(),
  })
  .prefault({})
  .meta({ description: 'How a standby is promoted. No effect in this version, which does not promote.' });

const rungSchema = withRules(
  z.object({
    method: z.enum(['Job', 'Webhook']).meta({ description: 'Job or Webhook.' }),
    job: jobSchema.optional(),
    webhook: webhookSchema.optional(),
  }),
  { description: 'One way to make sure that the old primary cannot write.' },
  hookRules('self', ''),
);

export const fencingSchema = z.array(rungSchema).max(8).default([]).meta({
  description:
    'Further ways to fence the old primary, tried in this order after those that need no help. No effect in this version, which does not promote.',
  'x-kubernetes-list-type': 'atomic',
});
