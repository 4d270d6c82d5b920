/** The `DatabaseFailover` resource: the one source of its TypeScript types, its CRD and its reference page. */
import { z } from 'zod';
import {
  authorityReference,
  clientCertificateReference,
  DNS_LABEL,
  dataKey,
  duration,
  host,
  objectName,
  port,
  secretReference,
  serviceName,
  size,
  type ValidationRule,
} from './fields.ts';
import { statusSchema } from './status.ts';

const rules = (...list: ValidationRule[]) => ({ 'x-kubernetes-validations': list });

const tlsMode = z.enum(['Disable', 'Require', 'VerifyCA', 'VerifyFull']);

const addressOverride = (description: string) =>
  z
    .object({
      host: host('DNS name or IP address; default: the member’s host.').optional(),
      port: port('Port; default: the member’s port.').optional(),
    })
    .meta({ description });

const memberSchema = z
  .object({
    name: z.string().min(1).max(63).regex(new RegExp(DNS_LABEL)).meta({
      description: 'Name of the member, unique in this resource; status, events and metrics speak of it by this name.',
    }),
    host: host('DNS name (fully qualified) or IP address at which the operator reaches the member.'),
    port: port('Port at which the operator reaches the member.').default(5432),
    region: z
      .string()
      .max(63)
      .regex(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/)
      .optional()
      .meta({
        description:
          'Region or site of the member, compared with --region of the operator for readOnly.prefer: SameRegion.',
      }),
    promotable: z.boolean().default(true).meta({
      description:
        'Whether the operator may choose this member as the new primary. Following a promotion by others ignores it.',
    }),
    priority: z
      .int()
      .min(0)
      .max(1000)
      .default(100)
      .meta({ description: 'Ranks members that are equal in data (within failover.preferWithin); higher wins.' }),
    direct: z.boolean().default(true).meta({
      description:
        'False when a proxy, load balancer or rejecting firewall stands between: a refused connection then proves nothing.',
    }),
    route: addressOverride('Where applications reach the member, if elsewhere than the operator does.').optional(),
    replication: addressOverride('Where the other members reach the member for replication, if elsewhere.').optional(),
    tls: z
      .object({
        serverName: host('Name to find in the certificate; default: host.').optional(),
        caRef: authorityReference(
          'Certificate authorities of this member; default: tls.caRef of the resource.',
        ).optional(),
      })
      .optional()
      .meta({ description: 'Overrides of the resource’s tls for this member.' }),
  })
  .meta({ description: 'One PostgreSQL server of the replication group.' });

const credentialsSchema = z
  .object({
    monitor: z
      .object({
        secretRef: secretReference(
          'Secret with keys username and password; membership in pg_monitor is enough to observe and route.',
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
      .meta({ description: 'Role with which the operator acts. Without it Automatic holds and says so.' }),
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

const detectionSchema = z
  .object({
    interval: duration('Time between two looks at a healthy member.').default('1s'),
    timeout: duration('Bound on one look; must be at most interval x failureThreshold.').default('3s'),
    failureThreshold: z
      .int()
      .min(1)
      .max(20)
      .default(3)
      .meta({ description: 'Consecutive failed looks, confirmations included, that make a member dead.' }),
    recoveryThreshold: z
      .int()
      .min(1)
      .max(20)
      .default(2)
      .meta({ description: 'Consecutive good looks that make a dead member Up again.' }),
    shutdownGrace: duration(
      'How long an orderly stop (57P01, then refused) may last before it counts as dead.',
    ).default('30s'),
    startupGrace: duration('How long a starting server (57P03) may take before it counts as dead.').default('60s'),
    witnessPatience: duration(
      'Longest wait for the WAL receivers of the standbys to say whether the primary lives.',
    ).default('60s'),
    writeProbe: z.enum(['Disabled', 'EmitMessage']).default('Disabled').meta({
      description: 'EmitMessage: also commit a small logical message on the primary, to notice commits that hang.',
    }),
    writeProbeFailureAfter: duration('How long commits may hang before that counts toward dead.').default('30s'),
  })
  .prefault({})
  .meta({ description: 'How the operator looks at members and when it calls one dead.' });

const failoverSchema = z
  .object({
    whenUnfenced: z.enum(['Refuse', 'Proceed']).optional().meta({
      description:
        'What to do when the old primary cannot be proven unable to write. Required when mode is Automatic and there are several members: there is no safe default.',
    }),
    maxLoss: size(
      'Estimated bytes of WAL that a failover may lose; 0 allows only what synchronous replication proves.',
    ).default('16Mi'),
    preferWithin: size('Priority and region may beat the LSN within this many bytes.').default(0),
    cooldown: duration(
      'Time after an automatic failover in which the next one holds; a request Acknowledge re-arms earlier.',
    ).default('10m'),
    deadline: duration('Bound on an attempt until it promotes; then it is undone.').default('5m'),
  })
  .prefault({})
  .meta({ description: 'Bounds on a failover that the operator performs.' });

const readWriteSchema = z
  .object({
    service: serviceName('Service that leads to the primary, and to nothing while there is none.'),
    port: port('Port of the Service; members may listen on another.').default(5432),
  })
  .meta({ description: 'Route for writes.' });

const readOnlySchema = z
  .object({
    service: serviceName('Service that leads to the standbys that are fit to be read.'),
    port: port('Port of the Service; members may listen on another.').default(5432),
    maxReplayLag: duration('A standby joins when its replay lag is at most this.').default('10s'),
    leaveLag: duration('A standby leaves when its replay lag is above this; at least maxReplayLag.').default('15s'),
    dwell: duration('How long a standby must stay within or beyond the limit before it joins or leaves.').default('5s'),
    whenNoneFit: z.enum(['Primary', 'LeastLagged', 'None']).default('Primary').meta({
      description: 'What the Service leads to when no standby is fit. Primary without a primary means LeastLagged.',
    }),
    prefer: z
      .enum(['Any', 'SameRegion'])
      .default('Any')
      .meta({ description: 'SameRegion: only the fit standbys in the operator’s region, as long as there is one.' }),
  })
  .meta({ description: 'Route for reads.' });

const configMapSchema = z
  .object({
    name: objectName('Name of the ConfigMap, created and kept by the operator.'),
    data: z
      .record(
        dataKey('Key.'),
        z.string().max(4096).meta({ description: 'Mustache template; variables are listed in docs/templates.md.' }),
      )
      .meta({ description: 'Keys and their Mustache templates.', maxProperties: 64 }),
  })
  .meta({ description: 'A ConfigMap for applications to read.' });

const secretSchema = z
  .object({
    name: objectName('Name of the Secret, created and kept by the operator.'),
    readWriteCredentialsRef: secretReference(
      'Secret with keys username and password of the application’s writing role.',
    ).optional(),
    readOnlyCredentialsRef: secretReference(
      'Secret with keys username and password of the application’s reading role.',
    ).optional(),
    database: z
      .string()
      .min(1)
      .max(63)
      .optional()
      .meta({ description: 'Database in the connection strings; default: database of the resource.' }),
    formats: z
      .array(z.enum(['uri', 'jdbc-uri', 'pgpass', 'keys']))
      .min(1)
      .max(4)
      .default(['uri'])
      .meta({
        description:
          'What to write: uri, jdbc-uri, pgpass, keys (host, port, database, username, password), for each credentials reference.',
        'x-kubernetes-list-type': 'set',
      }),
    data: z
      .record(
        dataKey('Key.'),
        z.string().max(4096).meta({
          description:
            'Mustache template; also readWrite.username, readWrite.password, readOnly.username, readOnly.password.',
        }),
      )
      .optional()
      .meta({ description: 'Own keys and their Mustache templates.', maxProperties: 64 }),
  })
  .meta({ description: 'A Secret with full connection strings, never made from the operator’s own credentials.' });

const routesSchema = z
  .object({
    readWrite: readWriteSchema,
    readOnly: readOnlySchema.optional(),
    configMaps: z
      .array(configMapSchema)
      .max(16)
      .default([])
      .meta({
        description: 'ConfigMaps for applications.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
    secrets: z
      .array(secretSchema)
      .max(16)
      .default([])
      .meta({
        description: 'Secrets for applications.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
  })
  .meta({
    description: 'What applications consume.',
    ...rules({
      rule: '!has(self.readOnly) || self.readOnly.service != self.readWrite.service',
      message: 'readOnly.service must differ from readWrite.service; choose two Services',
    }),
  });

export const specSchema = z
  .object({
    mode: z.enum(['Automatic', 'Manual', 'Follow']).meta({
      description:
        'Who promotes: Automatic (the operator), Manual (a person’s request), Follow (others). Promotions by others are followed in every mode.',
    }),
    paused: z.boolean().default(false).meta({ description: 'True: no automatic act; requests are still honoured.' }),
    database: z
      .string()
      .min(1)
      .max(63)
      .default('postgres')
      .meta({ description: 'Database that the operator connects to.' }),
    members: z
      .array(memberSchema)
      .min(1)
      .max(16)
      .meta({
        description: 'The servers of the replication group, one to sixteen.',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['name'],
      }),
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
    deletionPolicy: z.enum(['Retain', 'Delete']).default('Retain').meta({
      description: 'Retain: the published objects stay when this resource is deleted. Delete: they go with it.',
    }),
    routes: routesSchema,
  })
  .meta({ description: 'What the operator should do.' });

export const databaseFailoverSchema = z.object({ spec: specSchema, status: statusSchema.optional() });

/** The spec as the operator works with it, defaults filled in. */
export type Spec = z.output<typeof specSchema>;
/** The spec as a person writes it. */
export type SpecInput = z.input<typeof specSchema>;
export type MemberSpec = Spec['members'][number];
export type Mode = Spec['mode'];
export type ConfigMapSpec = Spec['routes']['configMaps'][number];
export type SecretSpec = Spec['routes']['secrets'][number];
