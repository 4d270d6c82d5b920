/** The `DatabaseFailover` resource: the one source of its TypeScript types, its CRD and its reference page. */
import { z } from 'zod';
import { authorityReference, clientCertificateReference, secretReference } from './fields.ts';
import { fencingSchema, promotionSchema } from './hooks.ts';
import { membersSchema } from './member.ts';
import { detectionSchema, failoverSchema, retrySchema } from './policy.ts';
import { routesSchema } from './routes.ts';
import { withRules } from './rules.ts';
import { specRules } from './spec-rules.ts';
import { statusSchema } from './status.ts';

const tlsMode = z.enum(['Disable', 'Require', 'VerifyCA', 'VerifyFull']);

const credentialsSchema = z
  .object({
    monitor: z
      .object({
        secretRef: secretReference(
          'Secret with keys username and password; membership in pg_monitor is enough to observe and route. With tls.clientCertRef the password may be left out.',
        ),
      })
      .meta({ description: 'Role with which the operator looks at every member.' }),
    admin: z
      .object({
        secretRef: secretReference(
          'Secret with keys username and password of a role that may promote, fence and repoint.',
        ),
      })
      .optional()
      .meta({
        description: 'Role with which the operator acts on servers. Not read by this version, which does not promote.',
      }),
  })
  .meta({
    description:
      'Secrets in the namespace of this resource, read by GET at start, each minute and after a refused login.',
  });

const tlsSchema = z
  .object({
    mode: tlsMode.default('VerifyFull').meta({
      description:
        'Disable, Require (encrypt, verify nothing), VerifyCA or VerifyFull (authority and name), in the meaning of libpq’s sslmode.',
    }),
    caRef: authorityReference(
      'PEM bundle of the authorities to trust; default: the public authorities the operator’s image knows.',
    ).optional(),
    clientCertRef: clientCertificateReference('Client certificate to present.').optional(),
  })
  .prefault({})
  .meta({ description: 'TLS towards the members.' });

const specFields = z.object({
  mode: z.enum(['Automatic', 'Manual', 'Follow']).meta({
    description:
      'Who promotes: Automatic (the operator), Manual (a person’s request), Follow (others). Promotions by others are followed in every mode; this version does only that.',
  }),
  paused: z.boolean().default(false).meta({ description: 'True: no automatic act; requests are still honoured.' }),
  database: z
    .string()
    .min(1)
    .max(63)
    .default('postgres')
    .meta({ description: 'Database that the operator connects to.' }),
  members: membersSchema,
  credentials: credentialsSchema,
  tls: tlsSchema,
  systemIdentifier: z
    .string()
    .max(20)
    .regex(/^[0-9]{1,20}$/)
    .optional()
    .meta({
      description:
        'Pins the group’s system identifier (pg_control_system()); learned from the first primary otherwise.',
    }),
  detection: detectionSchema,
  failover: failoverSchema,
  promotion: promotionSchema,
  fencing: fencingSchema,
  retry: retrySchema,
  deletionPolicy: z.enum(['Retain', 'Delete']).default('Retain').meta({
    description: 'Retain: the published objects stay when this resource is deleted. Delete: they go with it.',
  }),
  routes: routesSchema,
});

/** The spec as the operator works with it, defaults filled in. */
export type Spec = z.output<typeof specFields>;
/** The spec as a person writes it. */
export type SpecInput = z.input<typeof specFields>;
export type MemberSpec = Spec['members'][number];
export type Mode = Spec['mode'];
export type ConfigMapSpec = Spec['routes']['configMaps'][number];
export type SecretSpec = Spec['routes']['secrets'][number];

export const specSchema = withRules(specFields, { description: 'What the operator should do.' }, specRules);

/** Only what rules may see of an object's metadata. */
const metadataSchema = z.object({ name: z.string() });

export const databaseFailoverSchema = withRules(
  z.object({ metadata: metadataSchema, spec: specSchema, status: statusSchema }),
  {
    description:
      'DatabaseFailover keeps Services, ConfigMaps and Secrets pointing at the writable member of a PostgreSQL replication group that the cluster does not run.',
  },
  [
    {
      rule: 'self.metadata.name.size() <= 63',
      message:
        'metadata.name must have at most 63 characters, because published objects carry it as a label; shorten it',
      holds: ({ metadata }) => metadata.name.length <= 63,
    },
  ],
);
